import type { Elements } from '../../onnx/graph-builder.js';

/** Element types of tensors in checkpoints. */
export type StoredDtype =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

/** A tensor of a checkpoint; its values are read when they are asked for. */
export interface StoredTensor {
  readonly dtype: StoredDtype;
  readonly dims: readonly number[];
  /**
   * Row-major values, strides undone: float16 and bfloat16 widened to float32, int16 and bool to int32 and
   * uint8.
   * @throws VentralError `checkpoint-invalid` where the bytes are not there
   */
  read(): Promise<Elements>;
}

/** How far the training was that wrote a checkpoint, as far as the file says it. */
export interface TrainingProgress {
  /** Optimizer steps. */
  readonly step?: number;
  readonly epoch?: number;
}

/** Named tensors of a file, in its order, as the file names them. */
export interface Checkpoint {
  /** As it is called in messages. */
  readonly file: string;
  readonly format: 'pytorch' | 'pytorch-legacy' | 'safetensors' | 'pickle' | 'npz';
  /** The state dict that was found, names as stored; nothing stripped yet. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Where in the file the state dict lay, such as `state_dict`; empty for the whole. */
  readonly path: string;
  /** Where the file holds other state dicts, such as `model_ema`; undefined if it can hold but one. */
  readonly others?: readonly string[];
  /** Whether the name of the state dict says that it is a moving average of the weights. */
  readonly averaged?: boolean;
  /** Counters that stand beside the state dict; undefined where the format has no place for them. */
  readonly progress?: TrainingProgress;
  close(): Promise<void>;
}
