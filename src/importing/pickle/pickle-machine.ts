import { refuseUnsafe } from '../source/checkpoint-fault.js';
import type { PickleBytes } from './pickle-bytes.js';
import {
  BuiltValue,
  describeValue,
  InertObject,
  PickleDict,
  PickleGlobal,
  type PickleValue,
} from './pickle-values.js';

/** Stack, marks and memo of a pickle that is being read. */
export class PickleMachine {
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #globals = new Map<string, PickleGlobal>();
  startOfStep = 0;

  constructor(
    readonly bytes: PickleBytes,
    readonly names: PickleNames,
  ) {}

  /** Where the step started, for messages. */
  get place(): string {
    return this.bytes.placeOf(this.startOfStep);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    this.top();
    return this.#stack.pop() as PickleValue;
  }

  top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.refuse('a value', 'an empty stack');
    return this.#stack[this.#stack.length - 1];
  }

  /** POP: the topmost value, or a mark with nothing on it. */
  drop(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  mark(): void {
    if (this.#marks.length >= mostMarks) this.refuse(`at most ${mostMarks} marks`, 'more');
    this.#marks.push(this.#stack.length);
  }

  /** Takes all values above the last mark, and the mark. */
  popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    return mark === undefined ? this.refuse('a mark', 'none') : this.#stack.splice(mark);
  }

  popMany(count: number): PickleValue[] {
    const values: PickleValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.pop());
    return values.reverse();
  }

  popText(): string {
    const value = this.pop();
    return typeof value === 'string' ? value : this.refuse('a text', describeValue(value));
  }

  put(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.refuse('a value that was put away', `none under ${index}`);
    this.push(value);
  }

  /** Names are repeated in a pickle; each is looked up once. */
  pushGlobal(module: string, name: string): void {
    const key = `${module}\n${name}`;
    const found = this.#globals.get(key) ?? this.names.find(module, name, this.place);
    this.#globals.set(key, found);
    this.push(found);
  }

  /** What a call of a name gives, by the meaning that the name has here. */
  call(callee: PickleValue, args: PickleValue): void {
    if (!(callee instanceof PickleGlobal) || callee.meaning.build === undefined) {
      this.refuseUnsafe(`it calls ${describeValue(callee)}, which is not allowed`);
    }
    if (!Array.isArray(args)) this.refuse('arguments', describeValue(args));
    this.push(callee.meaning.build(args, { file: this.bytes.file, field: this.place }));
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (list instanceof InertObject) return;
    if (!Array.isArray(list)) this.refuse('a list', describeValue(list));
    for (const value of values) list.push(value);
  }

  setItems(values: readonly PickleValue[]): void {
    const dict = this.top();
    if (values.length % 2 === 1) this.refuse('keys with values', `${values.length} values`);
    if (dict instanceof InertObject) return;
    if (!(dict instanceof PickleDict)) this.refuse('a dictionary', describeValue(dict));
    for (let i = 0; i < values.length; i += 2) dict.set(values[i], values[i + 1]);
  }

  /** BUILD: the state of an object that was built; only arrays have any. */
  setState(): void {
    const state = this.pop();
    const object = this.top();
    if (object instanceof PickleGlobal) this.refuseUnsafe(`it changes ${object.name}`);
    if (object instanceof BuiltValue) {
      object.setState(state, { file: this.bytes.file, field: this.place });
    }
  }

  refuse(expected: string, found: string): never {
    this.bytes.refuse(expected, found);
  }

  refuseUnsafe(found: string): never {
    refuseUnsafe({ file: this.bytes.file, field: this.place }, found, advice);
  }
}

/** What the names in a pickle mean. */
export interface PickleNames {
  /** @throws VentralError `checkpoint-unsafe` for a name that is not on the list */
  find(module: string, name: string, place: string): PickleGlobal;
  /** Object outside the pickle, by persistent id. */
  persistent(id: PickleValue, place: string): PickleValue;
}

/** Maximum depth of open lists and calls. */
const mostMarks = 1000;

const advice = 'Save only the weights in PyTorch: torch.save(model.state_dict(), path)';
