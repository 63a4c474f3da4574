/**
 * Operators of TensorFlow Lite that are imported, by their codes (the enum BuiltinOperator of
 * tensorflow/lite/schema/schema.fbs).
 */
export const operatorNames: ReadonlyMap<number, string> = new Map([
  [0, 'ADD'],
  [1, 'AVERAGE_POOL_2D'],
  [2, 'CONCATENATION'],
  [3, 'CONV_2D'],
  [4, 'DEPTHWISE_CONV_2D'],
  [6, 'DEQUANTIZE'],
  [9, 'FULLY_CONNECTED'],
  [14, 'LOGISTIC'],
  [17, 'MAX_POOL_2D'],
  [18, 'MUL'],
  [19, 'RELU'],
  [20, 'RELU_N1_TO_1'],
  [21, 'RELU6'],
  [22, 'RESHAPE'],
  [25, 'SOFTMAX'],
  [28, 'TANH'],
  [34, 'PAD'],
  [40, 'MEAN'],
  [41, 'SUB'],
  [42, 'DIV'],
  [43, 'SQUEEZE'],
  [55, 'MAXIMUM'],
  [57, 'MINIMUM'],
  [60, 'PADV2'],
  [70, 'EXPAND_DIMS'],
  [98, 'LEAKY_RELU'],
  [114, 'QUANTIZE'],
  [117, 'HARD_SWISH'],
]);
