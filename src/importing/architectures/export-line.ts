/** The line of Python that exports a network onto which its checkpoints are imported; docs/import.md has it in full. */
export const EXPORT_LINE =
  'torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), "export.onnx", opset_version=17, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)';
