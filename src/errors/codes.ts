/**
 * Every way in which ventral refuses or fails, with what it means over HTTP and at the command line.
 * `status` is the HTTP status of the problem document, `exit` the exit status of the command
 * (2 wrong usage or bad input, 1 failed, 130 interrupted). Codes are stable: they are `/problems/<code>`.
 */
export const codes = {
  // usage and lookup
  'bad-usage': { status: 400, exit: 2, title: 'The command or request is malformed' },
  'not-found': { status: 404, exit: 2, title: 'There is no such thing here' },
  'name-ambiguous': { status: 422, exit: 2, title: 'The name fits more than one thing' },
  // files and formats
  'file-missing': { status: 422, exit: 2, title: 'A file is missing' },
  'file-exists': { status: 409, exit: 2, title: 'The file is already there' },
  'csv-invalid': { status: 422, exit: 2, title: 'The CSV file is not as it should be' },
  'npy-invalid': { status: 422, exit: 2, title: 'The npy or npz file is not as it should be' },
  'zip-invalid': { status: 422, exit: 2, title: 'The ZIP archive is not as it should be' },
  'zip-unsafe-path': { status: 422, exit: 2, title: 'A ZIP entry escapes its folder' },
  'netcdf-invalid': { status: 422, exit: 2, title: 'The netCDF file is not as it should be' },
  'image-missing': { status: 422, exit: 2, title: 'An image is missing' },
  'image-corrupt': { status: 422, exit: 2, title: 'An image cannot be decoded' },
  // networks
  'not-onnx': { status: 422, exit: 2, title: 'The file is not an ONNX model' },
  'onnx-truncated': { status: 422, exit: 2, title: 'The ONNX file is cut short' },
  'onnx-operator': { status: 422, exit: 2, title: 'The runtime has no such operator' },
  'onnx-external-data': {
    status: 422,
    exit: 2,
    title: 'External data lies outside the model folder',
  },
  'onnx-invalid': { status: 422, exit: 2, title: 'The graph is not valid' },
  'layer-unknown': { status: 422, exit: 2, title: 'The model has no such layer' },
  'layer-ambiguous': { status: 422, exit: 2, title: 'The layer name fits several values' },
  'layer-folded': { status: 422, exit: 2, title: 'The layer was folded into another at export' },
  'layer-unset': { status: 422, exit: 2, title: 'No layer is given for the region' },
  'units-too-few': {
    status: 422,
    exit: 2,
    title: 'The layer has fewer units than the metric needs',
  },
  'input-mismatch': { status: 422, exit: 2, title: 'The input size does not fit the card' },
  'card-missing': { status: 422, exit: 2, title: 'The model has no card' },
  'card-invalid': { status: 422, exit: 2, title: 'The model card is not as it should be' },
  'activations-not-finite': { status: 422, exit: 2, title: 'The activations are not finite' },
  'inference-failed': { status: 422, exit: 1, title: 'The runtime failed on the model' },
  // checkpoints of other frameworks, and packages
  'checkpoint-invalid': { status: 422, exit: 2, title: 'The checkpoint is not as it should be' },
  'checkpoint-unsafe': { status: 422, exit: 2, title: 'The checkpoint wants to run code' },
  'checkpoint-unmatched': {
    status: 422,
    exit: 2,
    title: 'The checkpoint does not fit the network',
  },
  'import-unsupported': {
    status: 422,
    exit: 2,
    title: 'The import does not know a part of the network',
  },
  'import-differs': { status: 422, exit: 1, title: 'The imported network differs from its source' },
  'models-differ': { status: 422, exit: 2, title: 'The networks are not checkpoints of one' },
  'training-unsupported': {
    status: 422,
    exit: 2,
    title: 'The network has a part that cannot be trained',
  },
  'package-invalid': { status: 422, exit: 2, title: 'The package cannot be built' },
  // stimuli, recordings, benchmarks
  'stimuli-mismatch': { status: 422, exit: 2, title: 'Stimuli and recordings do not match' },
  'stimuli-duplicate': { status: 422, exit: 2, title: 'A stimulus_id stands more than once' },
  'stimuli-too-few': {
    status: 422,
    exit: 2,
    title: 'There are fewer stimuli than the splits need',
  },
  'recordings-invalid': { status: 422, exit: 2, title: 'The recordings cannot be used' },
  'neuroids-constant': { status: 422, exit: 2, title: 'Every neuroid is constant' },
  'trials-invalid': { status: 422, exit: 2, title: 'The trials cannot be used' },
  'labels-uncovered': {
    status: 422,
    exit: 2,
    title: 'The head does not cover the labels of the task',
  },
  'degrees-mismatch': { status: 422, exit: 2, title: 'The visual degrees do not match' },
  'metric-failed': { status: 422, exit: 2, title: 'The metric is not defined on these data' },
  'benchmark-invalid': { status: 422, exit: 2, title: 'The benchmark file is not as it should be' },
  'benchmark-unknown': { status: 422, exit: 2, title: 'There is no such benchmark' },
  'formula-invalid': { status: 422, exit: 2, title: 'The formula is not understood' },
  'column-unknown': { status: 422, exit: 2, title: 'There is no such column' },
  'data-missing': { status: 422, exit: 2, title: 'The data of the benchmark are not here' },
  // receipts
  'receipt-invalid': { status: 422, exit: 2, title: 'The receipt is not as it should be' },
  'receipt-differs': { status: 422, exit: 1, title: 'What comes out is not what the receipt says' },
  // downloads
  'download-failed': { status: 503, exit: 1, title: 'The download failed' },
  'download-forbidden': { status: 403, exit: 1, title: 'The file is not public' },
  'checksum-mismatch': {
    status: 422,
    exit: 1,
    title: 'The file is not the one that was published',
  },
  // resources
  'disk-full': { status: 507, exit: 1, title: 'The disk is full' },
  'permission-denied': { status: 500, exit: 1, title: 'The file system does not allow it' },
  'memory-exceeded': { status: 507, exit: 1, title: 'The work needs more memory than it may use' },
  'deadline-exceeded': { status: 503, exit: 1, title: 'The work took longer than it may' },
  'process-crashed': { status: 422, exit: 1, title: 'The process crashed on its work' },
  'process-died': { status: 500, exit: 1, title: 'The process that did the work died' },
  'worker-lost': { status: 503, exit: 1, title: 'The workers that had the job were lost' },
  'version-skew': { status: 503, exit: 1, title: 'Another version of ventral uses the database' },
  interrupted: { status: 503, exit: 130, title: 'Interrupted' },
  'home-owned': { status: 409, exit: 1, title: 'Another process owns this home' },
  'home-format': { status: 503, exit: 1, title: 'The home was written by another version' },
  'database-unavailable': { status: 503, exit: 1, title: 'The database cannot be used' },
  'home-not-empty': { status: 409, exit: 2, title: 'There is something in the home or database' },
  'backup-invalid': { status: 422, exit: 2, title: 'The backup is not as it should be' },
  'files-unavailable': { status: 503, exit: 1, title: 'The store of files does not answer' },
  'port-taken': { status: 503, exit: 1, title: 'The port is taken' },
  internal: { status: 500, exit: 1, title: 'Something went wrong inside ventral' },
  // HTTP alone
  'invalid-request': {
    status: 400,
    exit: 2,
    title: 'The request does not follow the API description',
  },
  unauthorized: { status: 401, exit: 2, title: 'A key is needed' },
  forbidden: { status: 403, exit: 2, title: 'This is not allowed' },
  'method-not-allowed': { status: 405, exit: 2, title: 'The resource has no such method' },
  'group-unknown': { status: 422, exit: 2, title: 'The key is in no such group' },
  'quota-exceeded': { status: 429, exit: 1, title: 'The owner has as many of these as it may' },
  'storage-exceeded': { status: 507, exit: 1, title: 'The owner stores as much as it may' },
  conflict: { status: 409, exit: 2, title: 'The request conflicts with what is here' },
  'request-in-flight': {
    status: 409,
    exit: 1,
    title: 'A request with this Idempotency-Key is at work',
  },
  'idempotency-mismatch': {
    status: 422,
    exit: 2,
    title: 'The Idempotency-Key belongs to another request',
  },
  'precondition-failed': { status: 412, exit: 2, title: 'It is not what the request expects' },
  'not-acceptable': { status: 406, exit: 2, title: 'There is no such representation' },
  'webhook-refused': { status: 422, exit: 2, title: 'The webhook may not be told' },
  'range-not-satisfiable': { status: 416, exit: 2, title: 'The file has no such range' },
  'too-large': { status: 413, exit: 2, title: 'The request is too large' },
  'unsupported-media-type': { status: 415, exit: 2, title: 'The media type is not understood' },
  'rate-limited': { status: 429, exit: 1, title: 'There were too many requests' },
  'misdirected-request': { status: 421, exit: 2, title: 'The Host is not one of ours' },
  'not-ready': { status: 503, exit: 1, title: 'The service is not ready' },
} as const satisfies Record<string, { status: number; exit: number; title: string }>;

/** A stable name of one way to fail; see {@link codes}. */
export type ErrorCode = keyof typeof codes;
