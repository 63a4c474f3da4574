/** A model is an ONNX file; a benchmark is the archive that was uploaded. */
export type FileKind = 'model' | 'benchmark';
