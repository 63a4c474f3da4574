/** An instruction of a Containerfile, with its words as they stand. */
export interface Instruction {
  readonly name: string;
  readonly words: string;
}

/** A stage, from one FROM to the next. */
export interface Stage {
  readonly image: string;
  readonly alias: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** Reads a Containerfile: comments go, lines that end in a backslash continue. */
export function parseContainerfile(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: { image: string; alias: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name, words] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || words === undefined) throw new Error(`no instruction: ${line}`);
    if (name === 'FROM') {
      const [image, as, alias] = words.split(/\s+/);
      stages.push({ image, alias: as === 'AS' ? alias : undefined, instructions: [] });
    } else if (stages.length === 0) throw new Error(`before the first FROM: ${line}`);
    else stages.at(-1)?.instructions.push({ name, words });
  }
  return stages;
}

/** What is wrong with the last stage of an image that is to run without root, on a root file system that is read alone. */
export function faultsOf(stages: readonly Stage[]): string[] {
  const faults: string[] = [];
  const last = stages.at(-1);
  if (!last) return ['there is no stage'];
  const of = (name: string) => last.instructions.filter((each) => each.name === name);
  const text = (name: string) => of(name).map(({ words }) => words);
  for (const { image, instructions } of stages) {
    if (!/:[\w.-]+$/.test(image) || image.endsWith(':latest')) faults.push(`${image} has no tag`);
    if (!/^[\w.-]+\.[\w.-]+\//.test(image)) faults.push(`${image} names no registry`);
    for (const { name, words } of instructions) {
      if (name === 'ADD') faults.push(`ADD ${words}: COPY says what it does`);
      if (/(secret|password|token|_key)\S*=/i.test(words)) faults.push(`a secret in ${name}`);
      if (name === 'RUN' && /npm (ci|install|prune)/.test(words) && !/--ignore-scripts/.test(words))
        faults.push(`packages run scripts: ${words}`);
    }
  }
  const user = text('USER').at(-1);
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user ?? '')) faults.push(`USER is ${user}`);
  if (text('VOLUME').length !== 1) faults.push(`${text('VOLUME').length} volumes`);
  if (of('HEALTHCHECK').length !== 1) faults.push('no health check');
  for (const name of ['ENTRYPOINT', 'CMD'])
    for (const words of text(name))
      if (!words.startsWith('[')) faults.push(`${name} runs a shell: ${words}`);
  for (const words of text('COPY'))
    if (!words.startsWith('--from=')) faults.push(`COPY ${words} comes from no stage`);
  const builds = /(?:^|[;&|]\s*)(?:apt|apt-get|apk|dnf|npm|npx|gcc|make|curl|wget)\s/;
  for (const words of text('RUN')) if (builds.test(words)) faults.push(`RUN ${words}`);
  const after = last.instructions.findIndex(({ name }) => name === 'USER');
  if (
    after >= 0 &&
    last.instructions.slice(after).some(({ name }) => name === 'RUN' || name === 'COPY')
  )
    faults.push('files are made after USER');
  return faults;
}
