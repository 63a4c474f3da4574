import type { Command } from 'commander';

/** Command lines of each command, by its words. */
const examples: Readonly<Record<string, readonly string[]>> = {
  score: [
    'ventral score gabor-v1 -b Simulated.V1-pls',
    'ventral score net.onnx --card net.yaml -b MajajHong2015public.IT-pls -l IT=layer4.0',
    'ventral score epoch-1.onnx epoch-2.onnx --card net.yaml -b mine.yaml --csv',
    'ventral score --features features.npz -b mine.yaml',
    'ventral score net.onnx --card net.yaml -b mine.yaml --null rows,labels --null-runs 99',
    'ventral score gabor-v1 -b Marques2020_DeValois1982-pref_or --pdf orientation.pdf',
    'ventral score net.onnx -b Simulated.V1-pls --to https://ventral.lab.example',
    'ventral score mdl_01abc -b Simulated.V1-pls',
    'ventral score resnet-50 -b Simulated.V4-pls --provider auto',
  ],
  map: [
    'ventral map net.onnx --card net.yaml -r V1,V2,V4,IT,behavior --html map.html',
    'ventral map net.onnx -r V4,IT --svg map.svg --pdf map.pdf --width single',
    'ventral map net.onnx -b mine.yaml --layers "layer3.*" --holdout --commit',
    'ventral map net.onnx -b mine.yaml --nested',
    'ventral map net.onnx -b mine.yaml --null rows --null-runs 99 --svg map.svg',
  ],
  compare: [
    'ventral compare mine.onnx efficientnet-b1 --map-from mine.onnx -b Simulated.V1-pls',
    'ventral compare --series checkpoints/ --card net.yaml -r V1,IT --html training.html',
    'ventral compare --series checkpoints/ --card net.yaml -r V1,IT --pdf training.pdf',
  ],
  watch: [
    'ventral watch runs/ --card net.yaml -b Simulated.V1-pls',
    'ventral watch runs/ --arch resnet-50 --assume imagenet -r V4,IT --map --layers "layer*"',
    'ventral watch runs/ --graph export.onnx --card net.yaml -b mine.yaml --tensorboard logs/ --jsonl scores.jsonl',
    'ventral watch runs/ --card net.yaml -b Simulated.V1-pls --once',
  ],
  leaderboard: [
    'ventral leaderboard --family resnet,vit --parameters 1M..30M',
    'ventral leaderboard --to https://ventral.lab.example --training-data "!imagenet-21k" --sort family --csv',
    'ventral leaderboard --at 2026-03-31',
    'ventral leaderboard --history resnet-20 --column V4',
    'ventral leaderboard --correlations --to https://ventral.lab.example',
  ],
  layers: ['ventral layers net.onnx', 'ventral layers net.onnx --values --json'],
  activations: ['ventral activations net.onnx -l layer4.0 -b Simulated.IT-pls -o it.npz'],
  'card init': ['ventral card init net.onnx > net.yaml'],
  'card check': [
    'ventral card check net.yaml net.onnx',
    'ventral card check net.yaml --image cat.jpg --out seen.png',
  ],
  'card whole': ['ventral card whole net.yaml > upload.yaml'],
  import: [
    'ventral import weights.pth --arch resnet-50 -o net.onnx',
    'ventral import weights.safetensors --graph export.onnx -o net.onnx',
    'ventral import network.keras -o net.onnx',
  ],
  'benchmarks list': ['ventral benchmarks list', 'ventral benchmarks list --json'],
  'benchmarks show': ['ventral benchmarks show Simulated.V1-pls'],
  'benchmarks check': ['ventral benchmarks check mine.yaml'],
  'benchmarks verify': ['ventral benchmarks verify MajajHong2015public.IT-pls'],
  'models list': ['ventral models list'],
  'models show': ['ventral models show gabor-v1'],
  'models add': ['ventral models add net.onnx --card net.yaml --name "My network"'],
  'models pull': ['ventral models pull mobilenet-v2-1.0-224'],
  pull: [
    'ventral pull hf:owner/name --file onnx/model.onnx',
    'ventral pull hf:owner/name@v1.0',
    'ventral pull mobilenet-v2-1.0-224',
  ],
  'models remove': ['ventral models remove mdl_01abc'],
  'data list': ['ventral data list'],
  'data pull': ['ventral data pull MajajHong2015public.IT-pls'],
  'data verify': ['ventral data verify'],
  'data import': [
    'ventral data import ~/.brainio',
    'ventral data import mine.nc --as MajajHong2015.public',
  ],
  'data convert': [
    'ventral data convert rates.nc --window 70:170 -o recordings.nc',
    'ventral data convert lab.nc --variable spikes --neuroid-dim ch --region IT --window all -o it.nc',
  ],
  'cache show': ['ventral cache show'],
  'cache clear': ['ventral cache clear'],
  verify: ['ventral verify receipt.json', 'ventral verify receipt.json --model moved/net.onnx'],
  train: [
    'ventral train models/objects-resnet/recipe.yaml -o runs/first',
    'ventral train models/objects-resnet/recipe.yaml -o runs/first --resume',
  ],
  ablate: ['ventral ablate models/objects-resnet/ablation.yaml'],
  average: ['ventral average epoch4.onnx epoch5.onnx epoch6.onnx -o soup.onnx'],
  attack: ['ventral attack net.onnx --card net.yaml --data photographs/ --threat Linf:4/255'],
  package: ['ventral package net.onnx --card net.yaml --format brainscore -o net.zip'],
  'check-package': ['ventral check-package net.zip'],
  serve: ['ventral serve', 'ventral serve --host 0.0.0.0 --port 8080 --concurrency 2'],
  worker: [
    'DATABASE_URL=postgresql://ventral@db/ventral ventral worker --concurrency 2',
    'ventral worker --until-empty --time 4h --drain-before 5m',
  ],
  'slurm up': [
    'ventral slurm up --max 8 --time 4:00:00 --cpus 4 --mem 8G',
    'ventral slurm up --max 8 --time 4:00:00 --gres gpu:1 --partition gpu -- --max-cache 50GiB',
  ],
  'slurm status': ['ventral slurm status'],
  'slurm down': ['ventral slurm down', 'ventral slurm down --drain'],
  backup: ['ventral backup monday.ventral'],
  restore: ['ventral restore monday.ventral --home /srv/ventral'],
  fsck: ['ventral fsck', 'ventral fsck --heal --quarantine'],
  'keys create': ['ventral keys create --name ada --role member --group v1 --expires 90d'],
  'keys list': ['ventral keys list'],
  'keys revoke': ['ventral keys revoke key_01abc'],
  doctor: ['ventral doctor', 'ventral doctor --json'],
  completion: [
    'source <(ventral completion bash)',
    'ventral completion fish > ~/.config/fish/completions/ventral.fish',
  ],
  help: ['ventral help score', 'ventral help exit-status'],
};

const EXIT_STATUS =
  'Exit status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted\n(ventral help exit-status).';

/** Adds examples and exit statuses to the help of every command of a program. */
export function addExamples(program: Command): void {
  const visit = (command: Command, path: readonly string[]): string[] => {
    const found = [
      ...(examples[path.join(' ')] ?? []),
      ...command.commands.flatMap((each) => visit(each, [...path, each.name()]).slice(0, 1)),
    ];
    if (path.length > 0 && found.length > 0) {
      const lines = found.map((line) => `  ${line}\n`).join('');
      command.addHelpText('after', `\nExamples:\n${lines}\n${EXIT_STATUS}`);
    }
    return found;
  };
  visit(program, []);
  const topics = 'ventral help cards, ventral help benchmarks, ventral help exit-status';
  program.addHelpText('after', `\nTopics: ${topics}\n\n${EXIT_STATUS}`);
}
