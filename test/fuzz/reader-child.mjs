// Reads one file after the other, each with the reader that is asked for, or runs a command on it, and
// says how that ended: so that a reader that crashes, hangs or fills the memory takes nobody with it.
import { readFileSync } from 'node:fs';
import { parseCard } from '../../dist/src/activations/card/card.js';
import { runCommandLine } from '../../dist/src/cli/command-line.js';
import { readAssembly } from '../../dist/src/data/assembly.js';
import { convertXarray } from '../../dist/src/data/xarray/convert-xarray.js';
import { csvRows, readCsv } from '../../dist/src/formats/csv.js';
import { openNetcdf } from '../../dist/src/formats/netcdf.js';
import { readNpy } from '../../dist/src/formats/npy.js';
import { openNpz } from '../../dist/src/formats/npz.js';
import { openZip } from '../../dist/src/formats/zip.js';
import { checkGraph } from '../../dist/src/onnx/checks/check-graph.js';
import { exposeValues } from '../../dist/src/onnx/expose.js';
import { expandLayers, listLayers, resolveLayer } from '../../dist/src/onnx/layers.js';
import { readModel } from '../../dist/src/onnx/model.js';
import { readFeatures } from '../../dist/src/scoring/features/feature-file.js';
import { readReceipt } from '../../dist/src/scoring/receipt/receipt.js';
import { parseBenchmark } from '../../dist/src/scoring/registry/benchmark-file.js';
import { decodeImage } from '../../dist/src/screen/decode.js';
import { readCard } from '../../dist/src/service/http/read-card.js';

const text = (path) => readFileSync(path, 'utf8');

const readers = {
  npy: (path) => readNpy(readFileSync(path), 'a.npy'),
  async npz(path) {
    const npz = await openNpz(path);
    try {
      for (const name of npz.names) await npz.read(name);
    } finally {
      await npz.close();
    }
  },
  async csv(path) {
    await readCsv(path);
    for await (const _row of csvRows(path));
  },
  async zip(path) {
    const zip = await openZip(path);
    try {
      for (const { name } of zip.entries) await zip.read(name);
    } finally {
      await zip.close();
    }
  },
  onnx(path) {
    const model = readModel(readFileSync(path), 'a.onnx');
    checkGraph(model);
    const layers = listLayers(model).filter(({ value }) => value !== null);
    for (const { name } of layers.slice(0, 10)) resolveLayer(model, name);
    if (layers.length === 0) return;
    expandLayers(model, ['*']);
    readModel(exposeValues(model, [layers[0].value]), 'exposed');
  },
  async netcdf(path) {
    const file = await openNetcdf(path);
    for (const { name, dtype } of file.root.variables) {
      if (dtype !== undefined) await file.read(name);
    }
    await file.close();
  },
  assembly: (path) => readAssembly(path),
  features: (path) => readFeatures(path),
  card(path) {
    parseCard(text(path), 'card.yaml');
    readCard(text(path));
  },
  benchmark: (path) => parseBenchmark(text(path), { file: 'benchmark.yaml', folder: '/nowhere' }),
  receipt: (path) => readReceipt(path),
  xarray: (path) =>
    convertXarray({ path, output: `${path}.out.nc`, window: 'all', maxMemory: 2 ** 28 }),
  image: (path) => decodeImage(readFileSync(path), 'a.tif'),
};

async function read({ reader, path }) {
  try {
    await readers[reader](path);
    return { code: 'ok' };
  } catch (error) {
    const code = error?.name === 'VentralError' ? error.code : 'internal';
    return { code, message: String(error?.stack) };
  }
}

async function command({ words }) {
  let [out, err] = ['', ''];
  const io = {
    out(more) {
      out += more;
    },
    err(more) {
      err += more;
    },
    interactive: false,
    color: false,
  };
  process.exitCode = 0;
  const status = await runCommandLine(['node', 'ventral', ...words], io);
  process.exitCode = 0;
  return { status, out: out.slice(0, 10_000), err };
}

// What nothing waits for must not fail unseen.
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled: ${error?.stack}\n`);
  process.exit(70);
});
process.on('message', async ({ id, asked }) => {
  const answer =
    asked === 'collect' ? globalThis.gc() : await (asked.words ? command : read)(asked);
  process.send({ id, answer: answer ?? {} });
});
process.send({ ready: true });
