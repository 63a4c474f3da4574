# Written by scripts/python-client.mjs from openapi.yaml and src/errors/codes.ts: `npm run api:types`.
from __future__ import annotations

from ._problem import Problem


class BadUsageError(Problem):
    """The command or request is malformed."""

    code = "bad-usage"
    status = 400


class NotFoundError(Problem):
    """Not found."""

    code = "not-found"
    status = 404


class NameAmbiguousError(Problem):
    """The name is ambiguous."""

    code = "name-ambiguous"
    status = 422


class FileMissingError(Problem):
    """A file is missing."""

    code = "file-missing"
    status = 422


class FileExistsError(Problem):
    """The file exists already."""

    code = "file-exists"
    status = 409


class CsvInvalidError(Problem):
    """Invalid CSV file."""

    code = "csv-invalid"
    status = 422


class NpyInvalidError(Problem):
    """Invalid npy or npz file."""

    code = "npy-invalid"
    status = 422


class ZipInvalidError(Problem):
    """Invalid ZIP archive."""

    code = "zip-invalid"
    status = 422


class ZipUnsafePathError(Problem):
    """A ZIP entry escapes its folder."""

    code = "zip-unsafe-path"
    status = 422


class NetcdfInvalidError(Problem):
    """Invalid netCDF file."""

    code = "netcdf-invalid"
    status = 422


class MatInvalidError(Problem):
    """Invalid MAT-file."""

    code = "mat-invalid"
    status = 422


class ImageMissingError(Problem):
    """An image is missing."""

    code = "image-missing"
    status = 422


class ImageCorruptError(Problem):
    """An image cannot be decoded."""

    code = "image-corrupt"
    status = 422


class NotOnnxError(Problem):
    """The file is not an ONNX model."""

    code = "not-onnx"
    status = 422


class OnnxTruncatedError(Problem):
    """The ONNX file is cut short."""

    code = "onnx-truncated"
    status = 422


class OnnxOperatorError(Problem):
    """The runtime has no such operator."""

    code = "onnx-operator"
    status = 422


class OnnxExternalDataError(Problem):
    """The external data cannot be used."""

    code = "onnx-external-data"
    status = 422


class OnnxInvalidError(Problem):
    """Invalid graph."""

    code = "onnx-invalid"
    status = 422


class LayerUnknownError(Problem):
    """The model has no such layer."""

    code = "layer-unknown"
    status = 422


class LayerAmbiguousError(Problem):
    """The layer name fits several values."""

    code = "layer-ambiguous"
    status = 422


class LayerFoldedError(Problem):
    """The layer was folded into another at export."""

    code = "layer-folded"
    status = 422


class LayerUnsteadyError(Problem):
    """The layer depends on more than the image."""

    code = "layer-unsteady"
    status = 422


class LayerUnsetError(Problem):
    """No layer is given for the region."""

    code = "layer-unset"
    status = 422


class UnitsTooFewError(Problem):
    """The layer has fewer units than the metric needs."""

    code = "units-too-few"
    status = 422


class InputMismatchError(Problem):
    """The input size does not fit the card."""

    code = "input-mismatch"
    status = 422


class CardMissingError(Problem):
    """The model has no card."""

    code = "card-missing"
    status = 422


class CardInvalidError(Problem):
    """Invalid model card."""

    code = "card-invalid"
    status = 422


class ActivationsNotFiniteError(Problem):
    """The activations are not finite."""

    code = "activations-not-finite"
    status = 422


class InferenceFailedError(Problem):
    """The runtime failed on the model."""

    code = "inference-failed"
    status = 422


class ProviderUnavailableError(Problem):
    """The execution provider is not available."""

    code = "provider-unavailable"
    status = 422


class CheckpointInvalidError(Problem):
    """Invalid checkpoint."""

    code = "checkpoint-invalid"
    status = 422


class CheckpointUnsafeError(Problem):
    """The checkpoint contains code to execute."""

    code = "checkpoint-unsafe"
    status = 422


class CheckpointUnmatchedError(Problem):
    """The checkpoint does not fit the network."""

    code = "checkpoint-unmatched"
    status = 422


class ImportUnsupportedError(Problem):
    """The import does not support a part of the network."""

    code = "import-unsupported"
    status = 422


class ImportDiffersError(Problem):
    """The imported network differs from its source."""

    code = "import-differs"
    status = 422


class ModelsDifferError(Problem):
    """The networks are not checkpoints of one."""

    code = "models-differ"
    status = 422


class TrainingUnsupportedError(Problem):
    """The network has a part that cannot be trained."""

    code = "training-unsupported"
    status = 422


class RecipeInvalidError(Problem):
    """Invalid recipe."""

    code = "recipe-invalid"
    status = 422


class TrainingDivergedError(Problem):
    """The training diverged."""

    code = "training-diverged"
    status = 422


class TrainingDataInvalidError(Problem):
    """The training data cannot be used."""

    code = "training-data-invalid"
    status = 422


class PackageInvalidError(Problem):
    """The package cannot be built."""

    code = "package-invalid"
    status = 422


class StimuliMismatchError(Problem):
    """Stimuli and recordings do not match."""

    code = "stimuli-mismatch"
    status = 422


class StimuliDuplicateError(Problem):
    """A stimulus_id occurs more than once."""

    code = "stimuli-duplicate"
    status = 422


class StimuliTooFewError(Problem):
    """There are fewer stimuli than the splits need."""

    code = "stimuli-too-few"
    status = 422


class RecordingsInvalidError(Problem):
    """The recordings cannot be used."""

    code = "recordings-invalid"
    status = 422


class NeuroidsConstantError(Problem):
    """Every neuroid is constant."""

    code = "neuroids-constant"
    status = 422


class TrialsInvalidError(Problem):
    """The trials cannot be used."""

    code = "trials-invalid"
    status = 422


class LabelsUncoveredError(Problem):
    """The head does not cover the labels of the task."""

    code = "labels-uncovered"
    status = 422


class DegreesMismatchError(Problem):
    """The visual degrees do not match."""

    code = "degrees-mismatch"
    status = 422


class MetricFailedError(Problem):
    """The metric is not defined on these data."""

    code = "metric-failed"
    status = 422


class BenchmarkInvalidError(Problem):
    """Invalid benchmark file."""

    code = "benchmark-invalid"
    status = 422


class BenchmarkUnknownError(Problem):
    """Unknown benchmark."""

    code = "benchmark-unknown"
    status = 422


class FormulaInvalidError(Problem):
    """Invalid formula."""

    code = "formula-invalid"
    status = 422


class ColumnUnknownError(Problem):
    """Unknown column."""

    code = "column-unknown"
    status = 422


class DataMissingError(Problem):
    """The data of the benchmark are not installed."""

    code = "data-missing"
    status = 422


class ReceiptInvalidError(Problem):
    """Invalid receipt."""

    code = "receipt-invalid"
    status = 422


class ReceiptDiffersError(Problem):
    """The result differs from the receipt."""

    code = "receipt-differs"
    status = 422


class DownloadFailedError(Problem):
    """The download failed."""

    code = "download-failed"
    status = 503


class DownloadForbiddenError(Problem):
    """The file is not public."""

    code = "download-forbidden"
    status = 403


class TermsNotAcceptedError(Problem):
    """The terms of the data were not accepted."""

    code = "terms-not-accepted"
    status = 422


class ChecksumMismatchError(Problem):
    """The checksum does not match."""

    code = "checksum-mismatch"
    status = 422


class FileDamagedError(Problem):
    """A stored file is damaged."""

    code = "file-damaged"
    status = 500


class DiskFullError(Problem):
    """The disk is full."""

    code = "disk-full"
    status = 507


class DiskFailedError(Problem):
    """The disk reported an error."""

    code = "disk-failed"
    status = 503


class PermissionDeniedError(Problem):
    """Permission denied by the file system."""

    code = "permission-denied"
    status = 500


class MemoryExceededError(Problem):
    """Memory limit exceeded."""

    code = "memory-exceeded"
    status = 507


class DeadlineExceededError(Problem):
    """Time limit exceeded."""

    code = "deadline-exceeded"
    status = 503


class ProcessCrashedError(Problem):
    """The process crashed."""

    code = "process-crashed"
    status = 422


class ProcessDiedError(Problem):
    """The process died."""

    code = "process-died"
    status = 500


class WorkerLostError(Problem):
    """The workers that ran the job were lost."""

    code = "worker-lost"
    status = 503


class VersionSkewError(Problem):
    """Another version of ventral uses the database."""

    code = "version-skew"
    status = 503


class InterruptedError(Problem):
    """Interrupted."""

    code = "interrupted"
    status = 503


class HomeOwnedError(Problem):
    """Another process owns this home."""

    code = "home-owned"
    status = 409


class HomeFormatError(Problem):
    """The home was written by another version."""

    code = "home-format"
    status = 503


class DatabaseUnavailableError(Problem):
    """The database cannot be used."""

    code = "database-unavailable"
    status = 503


class HomeNotEmptyError(Problem):
    """The home or database is not empty."""

    code = "home-not-empty"
    status = 409


class BackupInvalidError(Problem):
    """Invalid backup."""

    code = "backup-invalid"
    status = 422


class FilesUnavailableError(Problem):
    """The file store does not answer."""

    code = "files-unavailable"
    status = 503


class PortTakenError(Problem):
    """The port is taken."""

    code = "port-taken"
    status = 503


class InternalError(Problem):
    """Internal error."""

    code = "internal"
    status = 500


class InvalidRequestError(Problem):
    """The request does not follow the API description."""

    code = "invalid-request"
    status = 400


class UnauthorizedError(Problem):
    """A key is needed."""

    code = "unauthorized"
    status = 401


class ForbiddenError(Problem):
    """This is not allowed."""

    code = "forbidden"
    status = 403


class MethodNotAllowedError(Problem):
    """Method not allowed."""

    code = "method-not-allowed"
    status = 405


class GroupUnknownError(Problem):
    """The key is in no such group."""

    code = "group-unknown"
    status = 422


class QuotaExceededError(Problem):
    """Quota exceeded."""

    code = "quota-exceeded"
    status = 429


class QueueFullError(Problem):
    """The queue is full."""

    code = "queue-full"
    status = 503


class StorageExceededError(Problem):
    """Storage quota exceeded."""

    code = "storage-exceeded"
    status = 507


class ConflictError(Problem):
    """The request conflicts with the current state."""

    code = "conflict"
    status = 409


class RequestInFlightError(Problem):
    """A request with this Idempotency-Key is in progress."""

    code = "request-in-flight"
    status = 409


class IdempotencyMismatchError(Problem):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency-mismatch"
    status = 422


class PreconditionFailedError(Problem):
    """A precondition of the request failed."""

    code = "precondition-failed"
    status = 412


class NotAcceptableError(Problem):
    """Representation not available."""

    code = "not-acceptable"
    status = 406


class WebhookRefusedError(Problem):
    """The webhook URL is not allowed."""

    code = "webhook-refused"
    status = 422


class RangeNotSatisfiableError(Problem):
    """The file has no such range."""

    code = "range-not-satisfiable"
    status = 416


class TooLargeError(Problem):
    """The request is too large."""

    code = "too-large"
    status = 413


class UnsupportedMediaTypeError(Problem):
    """Unsupported media type."""

    code = "unsupported-media-type"
    status = 415


class RateLimitedError(Problem):
    """Too many requests."""

    code = "rate-limited"
    status = 429


class MisdirectedRequestError(Problem):
    """The Host is not served here."""

    code = "misdirected-request"
    status = 421


class NotReadyError(Problem):
    """The service is not ready."""

    code = "not-ready"
    status = 503


BY_CODE: dict[str, type[Problem]] = {
    "bad-usage": BadUsageError,
    "not-found": NotFoundError,
    "name-ambiguous": NameAmbiguousError,
    "file-missing": FileMissingError,
    "file-exists": FileExistsError,
    "csv-invalid": CsvInvalidError,
    "npy-invalid": NpyInvalidError,
    "zip-invalid": ZipInvalidError,
    "zip-unsafe-path": ZipUnsafePathError,
    "netcdf-invalid": NetcdfInvalidError,
    "mat-invalid": MatInvalidError,
    "image-missing": ImageMissingError,
    "image-corrupt": ImageCorruptError,
    "not-onnx": NotOnnxError,
    "onnx-truncated": OnnxTruncatedError,
    "onnx-operator": OnnxOperatorError,
    "onnx-external-data": OnnxExternalDataError,
    "onnx-invalid": OnnxInvalidError,
    "layer-unknown": LayerUnknownError,
    "layer-ambiguous": LayerAmbiguousError,
    "layer-folded": LayerFoldedError,
    "layer-unsteady": LayerUnsteadyError,
    "layer-unset": LayerUnsetError,
    "units-too-few": UnitsTooFewError,
    "input-mismatch": InputMismatchError,
    "card-missing": CardMissingError,
    "card-invalid": CardInvalidError,
    "activations-not-finite": ActivationsNotFiniteError,
    "inference-failed": InferenceFailedError,
    "provider-unavailable": ProviderUnavailableError,
    "checkpoint-invalid": CheckpointInvalidError,
    "checkpoint-unsafe": CheckpointUnsafeError,
    "checkpoint-unmatched": CheckpointUnmatchedError,
    "import-unsupported": ImportUnsupportedError,
    "import-differs": ImportDiffersError,
    "models-differ": ModelsDifferError,
    "training-unsupported": TrainingUnsupportedError,
    "recipe-invalid": RecipeInvalidError,
    "training-diverged": TrainingDivergedError,
    "training-data-invalid": TrainingDataInvalidError,
    "package-invalid": PackageInvalidError,
    "stimuli-mismatch": StimuliMismatchError,
    "stimuli-duplicate": StimuliDuplicateError,
    "stimuli-too-few": StimuliTooFewError,
    "recordings-invalid": RecordingsInvalidError,
    "neuroids-constant": NeuroidsConstantError,
    "trials-invalid": TrialsInvalidError,
    "labels-uncovered": LabelsUncoveredError,
    "degrees-mismatch": DegreesMismatchError,
    "metric-failed": MetricFailedError,
    "benchmark-invalid": BenchmarkInvalidError,
    "benchmark-unknown": BenchmarkUnknownError,
    "formula-invalid": FormulaInvalidError,
    "column-unknown": ColumnUnknownError,
    "data-missing": DataMissingError,
    "receipt-invalid": ReceiptInvalidError,
    "receipt-differs": ReceiptDiffersError,
    "download-failed": DownloadFailedError,
    "download-forbidden": DownloadForbiddenError,
    "terms-not-accepted": TermsNotAcceptedError,
    "checksum-mismatch": ChecksumMismatchError,
    "file-damaged": FileDamagedError,
    "disk-full": DiskFullError,
    "disk-failed": DiskFailedError,
    "permission-denied": PermissionDeniedError,
    "memory-exceeded": MemoryExceededError,
    "deadline-exceeded": DeadlineExceededError,
    "process-crashed": ProcessCrashedError,
    "process-died": ProcessDiedError,
    "worker-lost": WorkerLostError,
    "version-skew": VersionSkewError,
    "interrupted": InterruptedError,
    "home-owned": HomeOwnedError,
    "home-format": HomeFormatError,
    "database-unavailable": DatabaseUnavailableError,
    "home-not-empty": HomeNotEmptyError,
    "backup-invalid": BackupInvalidError,
    "files-unavailable": FilesUnavailableError,
    "port-taken": PortTakenError,
    "internal": InternalError,
    "invalid-request": InvalidRequestError,
    "unauthorized": UnauthorizedError,
    "forbidden": ForbiddenError,
    "method-not-allowed": MethodNotAllowedError,
    "group-unknown": GroupUnknownError,
    "quota-exceeded": QuotaExceededError,
    "queue-full": QueueFullError,
    "storage-exceeded": StorageExceededError,
    "conflict": ConflictError,
    "request-in-flight": RequestInFlightError,
    "idempotency-mismatch": IdempotencyMismatchError,
    "precondition-failed": PreconditionFailedError,
    "not-acceptable": NotAcceptableError,
    "webhook-refused": WebhookRefusedError,
    "range-not-satisfiable": RangeNotSatisfiableError,
    "too-large": TooLargeError,
    "unsupported-media-type": UnsupportedMediaTypeError,
    "rate-limited": RateLimitedError,
    "misdirected-request": MisdirectedRequestError,
    "not-ready": NotReadyError,
}
