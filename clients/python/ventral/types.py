# Written by scripts/python-client.mjs from openapi.yaml and src/errors/codes.ts: `npm run api:types`.
from __future__ import annotations

import sys
from typing import Any, Literal, TypedDict, Union

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:  # A checker knows it; at run time nothing looks at the annotations.
    class NotRequired:  # type: ignore[no-redef]
        def __class_getitem__(cls, item: Any) -> Any:
            return item

class Problem(TypedDict):
    type: "str"
    title: "str"
    status: "int"
    detail: "str"
    requestId: "NotRequired[str]"
    errors: "NotRequired[list[dict[str, Any]]]"

OneLine = str

Role = Literal["admin", "member", "reader"]

class KeyRequest(TypedDict):
    name: "OneLine"
    role: "Role"
    owner: "NotRequired[OneLine]"
    groups: "NotRequired[list[OneLine]]"
    expiresAt: "NotRequired[str]"

class Key(TypedDict):
    id: "str"
    name: "OneLine"
    role: "Role"
    owner: "OneLine"
    groups: "list[OneLine]"
    createdAt: "str"
    expiresAt: "Union[str, None]"
    revokedAt: "Union[str, None]"
    links: "dict[str, Any]"

NewKey = dict[str, Any]

class KeyPage(TypedDict):
    items: "list[Key]"
    next: "Cursor"

class AuditEntry(TypedDict):
    id: "str"
    at: "str"
    key: "Union[str, None]"
    owner: "str"
    action: "str"
    target: "Union[str, None]"
    detail: "Union[dict[str, Any], None]"

class AuditPage(TypedDict):
    items: "list[AuditEntry]"
    next: "Cursor"

class SignIn(TypedDict):
    key: "str"

class FsckReport(TypedDict):
    ok: "bool"
    checked: "dict[str, int]"
    findings: "list[dict[str, Any]]"

class Session(TypedDict):
    key: "Union[str, None]"
    name: "Union[str, None]"
    owner: "str"
    groups: "list[OneLine]"
    role: "Role"
    version: "str"
    storage: "Storage"

class Storage(TypedDict):
    stored: "int"
    reserved: "int"
    limit: "Union[int, None]"

class ModelUpload(TypedDict):
    file: "str"
    card: "NotRequired[str]"
    name: "NotRequired[ModelName]"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"

ModelName = str

Visibility = Literal["private", "group", "public"]

Group = "OneLine"

Weights = Literal["trained", "random", "control", None]

Origin = Literal["real", "simulated", "uploaded"]

class Metadata(TypedDict):
    parameters: "Union[int, None]"
    family: "Union[str, None]"
    trainingData: "Union[list[str], None]"
    date: "Union[str, None]"
    licence: "Union[str, None]"

Card = dict[str, Any]

class CardDraft(TypedDict):
    card: "Card"
    open: "list[str]"
    layers: "list[str]"
    output: "Union[dict[str, Any], None]"
    presets: "list[dict[str, Any]]"

class Model(TypedDict):
    id: "str"
    digest: "Digest"
    name: "ModelName"
    owner: "str"
    group: "Union[str, None]"
    visibility: "Visibility"
    size: "int"
    weights: "Weights"
    metadata: "Metadata"
    card: "Union[Card, None]"
    graph: "Graph"
    warnings: "list[dict[str, Any]]"
    createdAt: "Union[str, None]"
    links: "dict[str, Any]"

class Graph(TypedDict):
    opset: "NotRequired[int]"
    nodes: "NotRequired[int]"
    parameters: "NotRequired[int]"
    precision: "NotRequired[Union[str, None]]"
    inputs: "NotRequired[list[GraphValue]]"
    outputs: "NotRequired[list[GraphValue]]"

class GraphValue(TypedDict):
    name: "str"
    dtype: "NotRequired[Union[str, None]]"
    dims: "NotRequired[Union[list[Union[int, None]], None]]"

Digest = str

class ModelRegions(TypedDict):
    simulated: "bool"
    total: "int"
    map: "Union[str, None]"
    regions: "list[dict[str, Any]]"

class Standing(TypedDict):
    column: "str"
    value: "Union[float, None]"
    ci: "Interval"
    n: "int"
    m: "int"
    rank: "Union[int, None]"
    of: "int"
    ranks: "Union[list[int], None]"
    ranksState: "Literal[\"current\", \"stale\", \"pending\", None]"
    median: "Union[float, None]"
    best: "Union[dict[str, Any], None]"

RegionScore = dict[str, Any]

class ModelChange(TypedDict):
    name: "NotRequired[ModelName]"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"
    card: "NotRequired[Card]"

class ModelPage(TypedDict):
    items: "list[Model]"
    next: "Cursor"

Cursor = Union[str, None]

class LayerList(TypedDict):
    model: "Digest"
    layers: "list[dict[str, Any]]"

class BenchmarkUpload(TypedDict):
    file: "str"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"

class BenchmarkPage(TypedDict):
    items: "list[Benchmark]"
    next: "Cursor"

class Benchmark(TypedDict):
    id: "str"
    version: "int"
    region: "Union[str, None]"
    benchmarks: "list[dict[str, Any]]"
    simulated: "bool"
    origin: "Origin"
    ready: "NotRequired[bool]"
    upload: "NotRequired[dict[str, Any]]"
    metric: "str"
    visualDegrees: "NotRequired[Union[float, None]]"
    reference: "Union[dict[str, Any], None]"
    links: "dict[str, Any]"

class BenchmarkDataList(TypedDict):
    items: "list[BenchmarkData]"

class BenchmarkData(TypedDict):
    id: "str"
    region: "Union[str, None]"
    title: "Union[str, None]"
    caution: "Union[str, None]"
    licences: "list[dict[str, Any]]"
    access: "Literal[\"public\", \"private\"]"
    verified: "bool"
    metric: "dict[str, Any]"
    crossValidation: "dict[str, Any]"
    ceiling: "dict[str, Any]"
    timeWindow: "Union[list[float], None]"
    timeStep: "NotRequired[dict[str, Any]]"
    excludedConditions: "list[Union[str, float]]"
    published: "Union[dict[str, Any], None]"
    bibtex: "Union[str, None]"
    stimuli: "StimuliInNumbers"
    fittingStimuli: "Union[StimuliInNumbers, None]"
    fixedSets: "Union[dict[str, Any], None]"
    recordings: "Union[dict[str, Any], CellReason, None]"
    trials: "Union[dict[str, Any], CellReason, None]"
    rdms: "Union[dict[str, Any], CellReason, None]"
    neurons: "Union[dict[str, Any], CellReason, None]"
    measuredCeiling: "Union[ScorePart, CellReason, None]"

StimuliInNumbers = Union[dict[str, Any], "CellReason"]

class StimulusPage(TypedDict):
    columns: "list[str]"
    total: "int"
    items: "list[dict[str, Any]]"
    next: "Cursor"

class ScoreRequest(TypedDict):
    model: "str"
    benchmarks: "list[str]"
    layers: "NotRequired[LayersByRegion]"
    input: "NotRequired[InputSize]"
    detail: "NotRequired[Literal[True]]"
    null: "NotRequired[list[Literal[\"rows\", \"labels\", \"random-weights\"]]]"
    nullRuns: "NotRequired[NullRuns]"
    provider: "NotRequired[AskedProvider]"
    webhook: "NotRequired[Webhook]"

AskedProvider = Literal["cpu", "cuda", "webgpu", "coreml", "dml"]

class Execution(TypedDict):
    provider: "Literal[\"cuda\", \"webgpu\", \"coreml\", \"dml\"]"
    device: "str"
    precision: "Literal[\"float32\", \"tf32\", \"unspecified\"]"

NullRuns = int

Floors = TypedDict("Floors", {"rows": "NotRequired[Floor]", "labels": "NotRequired[Floor]", "random-weights": "NotRequired[Floor]"})

class Floor(TypedDict):
    null: "Literal[\"rows\", \"labels\", \"random-weights\"]"
    seed: "int"
    value: "FloorPart"
    raw: "FloorPart"
    leak: "NotRequired[str]"

class FloorPart(TypedDict):
    runs: "list[Union[float, None]]"
    mean: "Union[float, None]"
    floor: "Union[float, None]"
    above: "Union[float, None]"
    p: "NotRequired[Union[float, None]]"

class Webhook(TypedDict):
    url: "str"
    secret: "str"

class ShownWebhook(TypedDict):
    url: "str"
    state: "Literal[\"waiting\", \"delivered\", \"failed\"]"
    deliveries: "list[dict[str, Any]]"

class LayersByRegion(TypedDict):
    V1: "NotRequired[str]"
    V2: "NotRequired[str]"
    V4: "NotRequired[str]"
    IT: "NotRequired[str]"
    behavior: "NotRequired[str]"

class InputSize(TypedDict):
    resize: "NotRequired[int]"
    crop: "NotRequired[int]"

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

class Queue(TypedDict):
    running: "int"
    queued: "int"
    items: "list[QueuedJob]"
    next: "Cursor"

class FirstScoring(TypedDict):
    total: "int"
    done: "int"
    paused: "bool"
    running: "Union[dict[str, Any], None]"
    remainingSeconds: "Union[int, None]"

class QueuedJob(TypedDict):
    id: "str"
    kind: "Literal[\"score\", \"layer-map\", \"training\"]"
    state: "JobState"
    model: "str"
    modelName: "str"
    weights: "Weights"
    benchmarks: "list[str]"
    progress: "Union[Progress, None]"
    createdAt: "str"
    startedAt: "Union[str, None]"
    position: "Union[int, None]"
    startsInSeconds: "Union[int, None]"
    ofService: "bool"
    mayCancel: "bool"

class Job(TypedDict):
    id: "str"
    state: "JobState"
    createdAt: "str"
    startedAt: "Union[str, None]"
    finishedAt: "Union[str, None]"
    model: "str"
    modelName: "str"
    weights: "Weights"
    benchmarks: "list[str]"
    layers: "NotRequired[LayersByRegion]"
    input: "NotRequired[InputSize]"
    detail: "NotRequired[bool]"
    null: "NotRequired[list[Literal[\"rows\", \"labels\", \"random-weights\"]]]"
    nullRuns: "NotRequired[NullRuns]"
    provider: "NotRequired[Literal[\"cuda\", \"webgpu\", \"coreml\", \"dml\"]]"
    features: "NotRequired[Literal[True]]"
    brought: "NotRequired[Brought]"
    attempt: "JobAttempt"
    reason: "JobReason"
    progress: "Union[Progress, None]"
    log: "JobLog"
    results: "list[Score]"
    failures: "JobFailures"
    webhook: "NotRequired[ShownWebhook]"
    mayCancel: "NotRequired[bool]"
    ofService: "NotRequired[bool]"
    links: "JobLinks"

class Brought(TypedDict):
    ventral: "str"
    numerics: "int"
    screen: "int"
    runtime: "ReceiptRuntime"
    unchecked: "list[str]"

class BroughtScores(TypedDict):
    items: "list[Job]"

class Receipt(TypedDict):
    receipt: "Literal[1]"
    ventral: "str"
    numerics: "int"
    screen: "int"
    runtime: "ReceiptRuntime"
    runs: "list[ReceiptRun]"

class ReceiptRuntime(TypedDict):
    ort: "str"
    provider: "str"
    threads: "int"
    node: "str"
    platform: "str"
    processor: "str"
    device: "NotRequired[str]"
    precision: "NotRequired[str]"

class ReceiptRun(TypedDict):
    kind: "Literal[\"score\"]"
    model: "dict[str, Any]"
    layers: "NotRequired[dict[str, Union[str, list[str]]]]"
    input: "NotRequired[InputSize]"
    detail: "NotRequired[bool]"
    benchmarks: "list[dict[str, Any]]"
    scores: "list[Score]"

JobAttempt = int

JobReason = Union[str, None]

JobLog = list[str]

class WorkerList(TypedDict):
    items: "list[Worker]"

class Worker(TypedDict):
    id: "str"
    host: "str"
    pid: "int"
    version: "str"
    runtime: "dict[str, Any]"
    threads: "int"
    concurrency: "int"
    providers: "list[Execution]"
    state: "Literal[\"running\", \"draining\"]"
    startedAt: "str"
    heartbeatAt: "str"
    jobs: "list[str]"

JobFailures = list[dict[str, Any]]

class JobLinks(TypedDict):
    self: "str"
    model: "NotRequired[str]"
    features: "NotRequired[str]"

class JobPage(TypedDict):
    items: "list[Job]"
    next: "Cursor"

class Progress(TypedDict):
    stage: "str"
    done: "float"
    total: "float"
    share: "float"
    elapsedSeconds: "float"
    etaSeconds: "Union[float, None]"

class Score(TypedDict):
    benchmark: "str"
    version: "int"
    region: "Union[str, None]"
    simulated: "bool"
    verified: "bool"
    model: "Union[str, None]"
    name: "Union[str, None]"
    layer: "str"
    layerChoice: "dict[str, Any]"
    selection: "bool"
    value: "Union[float, None]"
    error: "Union[float, None]"
    ci: "Union[list[float], None]"
    generalises: "NotRequired[Generalisation]"
    formula: "str"
    errorOf: "str"
    errorKind: "str"
    raw: "ScorePart"
    ceiling: "Union[ScorePart, None]"
    distribution: "NotRequired[ScoreDistribution]"
    parts: "NotRequired[ScoreParts]"
    floors: "NotRequired[Floors]"
    warnings: "list[dict[str, Any]]"
    provenance: "dict[str, Any]"

class ScoreParts(TypedDict):
    per: "str"
    values: "list[dict[str, Any]]"

class ScoreTrials(TypedDict):
    count: "int"
    seed: "int"
    spread: "Union[float, None]"

class ScoreDistribution(TypedDict):
    property: "str"
    unit: "Union[str, None]"
    bins: "list[float]"
    neurons: "dict[str, Any]"
    units: "dict[str, Any]"

class LayerMapRequest(TypedDict):
    model: "str"
    regions: "NotRequired[list[Literal[\"V1\", \"V2\", \"V4\", \"IT\", \"behavior\"]]]"
    benchmarks: "NotRequired[list[str]]"
    layers: "NotRequired[list[str]]"
    input: "NotRequired[InputSize]"
    holdout: "NotRequired[bool]"
    pool: "NotRequired[list[str]]"
    pca: "NotRequired[int]"
    nested: "NotRequired[Literal[True]]"
    null: "NotRequired[list[Literal[\"rows\"]]]"
    nullRuns: "NotRequired[NullRuns]"
    provider: "NotRequired[AskedProvider]"
    webhook: "NotRequired[Webhook]"

class LayerMapListing(TypedDict):
    id: "str"
    state: "JobState"
    createdAt: "str"
    startedAt: "Union[str, None]"
    finishedAt: "Union[str, None]"
    model: "str"
    modelName: "str"
    weights: "Weights"
    benchmarks: "list[str]"
    layers: "NotRequired[list[str]]"
    input: "NotRequired[InputSize]"
    holdout: "bool"
    pool: "NotRequired[list[str]]"
    pca: "NotRequired[int]"
    nested: "NotRequired[bool]"
    null: "NotRequired[list[Literal[\"rows\", \"labels\", \"random-weights\"]]]"
    nullRuns: "NotRequired[NullRuns]"
    provider: "NotRequired[Literal[\"cuda\", \"webgpu\", \"coreml\", \"dml\"]]"
    attempt: "JobAttempt"
    reason: "JobReason"
    progress: "Union[Progress, None]"
    log: "JobLog"
    failures: "JobFailures"
    webhook: "NotRequired[ShownWebhook]"
    mayCancel: "NotRequired[bool]"
    ofService: "NotRequired[bool]"
    links: "JobLinks"

LayerMapJob = dict[str, Any]

class LayerMapJobPage(TypedDict):
    items: "list[LayerMapListing]"
    next: "Cursor"

class RecipeList(TypedDict):
    items: "list[ShippedRecipe]"

class ShippedRecipe(TypedDict):
    name: "str"
    model: "str"
    description: "str"
    yaml: "str"

class TrainingRequest(TypedDict):
    recipe: "dict[str, Any]"
    webhook: "NotRequired[Webhook]"

class TrainingListing(TypedDict):
    id: "str"
    state: "JobState"
    createdAt: "str"
    startedAt: "Union[str, None]"
    finishedAt: "Union[str, None]"
    name: "str"
    model: "str"
    modelName: "str"
    weights: "Weights"
    benchmarks: "list[str]"
    attempt: "JobAttempt"
    reason: "JobReason"
    progress: "Union[Progress, None]"
    log: "JobLog"
    result: "Union[dict[str, Any], None]"
    problem: "Union[Problem, None]"
    webhook: "NotRequired[ShownWebhook]"
    mayCancel: "NotRequired[bool]"
    ofService: "NotRequired[bool]"
    links: "dict[str, Any]"

Training = dict[str, Any]

class TrainingPage(TypedDict):
    items: "list[TrainingListing]"
    next: "Cursor"

TrainingEvent = Union["StepEvent", "EpochEvent", "AverageEvent", "RobustnessEvent", "ScoreEvent", "ComparisonEvent", "NoteEvent"]

class StepEvent(TypedDict):
    kind: "Literal[\"step\"]"
    stage: "str"
    epoch: "int"
    step: "int"
    loss: "Union[float, None]"
    rate: "float"
    epsilon: "NotRequired[float]"

class EpochEvent(TypedDict):
    kind: "Literal[\"epoch\"]"
    stage: "str"
    epoch: "int"
    loss: "Union[float, None]"
    accuracy: "NotRequired[float]"
    validation: "dict[str, Any]"
    checkpoint: "str"

class AverageEvent(TypedDict):
    kind: "Literal[\"average\"]"
    stage: "str"
    of: "list[str]"
    checkpoint: "str"

class RobustnessEvent(TypedDict):
    kind: "Literal[\"robustness\"]"
    checkpoint: "str"
    attack: "str"
    norm: "Literal[\"Linf\", \"L2\"]"
    epsilon: "float"
    correct: "int"
    count: "int"
    interval: "list[float]"

class ScoreEvent(TypedDict):
    kind: "Literal[\"score\"]"
    checkpoint: "str"
    benchmark: "str"
    simulated: "bool"
    value: "Union[float, None]"
    ci: "NotRequired[list[float]]"
    reason: "NotRequired[str]"

ComparisonEvent = TypedDict("ComparisonEvent", {"kind": "Literal[\"comparison\"]", "stage": "str", "with": "str", "measure": "str", "simulated": "bool", "seeds": "list[int]", "differences": "list[float]", "mean": "float", "interval": "list[float]"})

class NoteEvent(TypedDict):
    kind: "Literal[\"note\"]"
    stage: "str"
    text: "str"

class CheckpointList(TypedDict):
    items: "list[Checkpoint]"

class Checkpoint(TypedDict):
    name: "str"
    stage: "str"
    epoch: "Union[int, None]"
    digest: "str"
    size: "int"
    createdAt: "str"
    links: "dict[str, Any]"

class CheckpointRegistration(TypedDict):
    name: "NotRequired[ModelName]"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"

class LayerMap(TypedDict):
    model: "Digest"
    name: "str"
    benchmarks: "list[str]"
    layers: "list[LayerRow]"
    chosen: "dict[str, ChosenLayer]"
    holdout: "NotRequired[dict[str, Cell]]"
    nested: "NotRequired[dict[str, NestedCell]]"
    components: "NotRequired[dict[str, Any]]"
    plan: "LayerMapPlan"
    provenance: "dict[str, Any]"

class LayerRow(TypedDict):
    layer: "str"
    aliases: "NotRequired[list[str]]"
    part: "NotRequired[str]"
    units: "Union[int, None]"
    depth: "Union[int, None]"
    cells: "dict[str, Cell]"
    components: "NotRequired[dict[str, Cell]]"
    floors: "NotRequired[dict[str, Floors]]"

NestedCell = Union["NestedScore", "CellReason"]

class NestedScore(TypedDict):
    value: "Union[float, None]"
    error: "Union[float, None]"
    ci: "Union[list[float], None]"
    generalises: "NotRequired[Generalisation]"
    formula: "str"
    errorOf: "str"
    errorKind: "str"
    raw: "ScorePart"
    ceiling: "Union[ScorePart, None]"
    splits: "list[str]"
    layers: "list[dict[str, Any]]"
    method: "str"
    warnings: "list[dict[str, Any]]"
    inputs: "str"

Cell = Union["Score", "CellReason"]

class CellReason(TypedDict):
    reason: "str"

class ChosenLayer(TypedDict):
    layer: "str"
    tied: "list[str]"
    choice: "dict[str, Any]"
    role: "NotRequired[Literal[\"V1\", \"V2\", \"V4\", \"IT\", \"behavior\"]]"
    stimuli: "NotRequired[str]"

class LayerOnComponents(TypedDict):
    layer: "str"
    choice: "dict[str, Any]"
    role: "NotRequired[Literal[\"V1\", \"V2\", \"V4\", \"IT\", \"behavior\"]]"
    stimuli: "NotRequired[str]"

class LayerMapPlan(TypedDict):
    layers: "list[dict[str, Any]]"
    sets: "list[dict[str, Any]]"
    tiles: "NotRequired[list[dict[str, Any]]]"
    memory: "float"
    scratch: "float"

class ScorePart(TypedDict):
    value: "Union[float, None]"
    error: "Union[float, None]"
    splits: "list[Union[float, None]]"

class Leaderboard(TypedDict):
    columns: "list[LeaderboardColumn]"
    models: "int"
    total: "int"
    groups: "Union[LeaderboardGroups, None]"
    items: "list[LeaderboardItem]"
    next: "Cursor"
    reconstructed: "NotRequired[Literal[True]]"

class BenchmarkCorrelations(TypedDict):
    benchmarks: "list[dict[str, Any]]"
    pairs: "list[dict[str, Any]]"

Correlation = Union[dict[str, Any], None]

class RankHistory(TypedDict):
    model: "str"
    name: "str"
    column: "str"
    recordedSince: "Union[str, None]"
    points: "list[RankPoint]"

class RankPoint(TypedDict):
    date: "str"
    rank: "Union[int, None]"
    of: "int"
    value: "Union[float, None]"
    start: "Union[int, None]"
    entered: "Union[RankReasonKind, None]"
    left: "Union[RankReasonKind, None]"
    reasons: "list[RankReason]"

RankReasonKind = Literal["own-score", "other-score", "new-model", "model-removed", "visibility", "new-benchmark", "new-version", "benchmark-removed", "benchmark-moved"]

class RankReason(TypedDict):
    kind: "RankReasonKind"
    change: "int"
    events: "int"
    models: "list[dict[str, Any]]"
    benchmarks: "list[str]"

class LeaderboardGroups(TypedDict):
    column: "str"
    state: "Literal[\"current\", \"stale\", \"pending\"]"
    level: "float"
    compared: "Union[int, None]"
    pairs: "Union[dict[str, Any], None]"
    separated: "Union[int, None]"
    instrument: "Union[LeaderboardInstrument, None]"

class LeaderboardInstrument(TypedDict):
    models: "int"
    reliability: "Union[float, None]"
    unbounded: "Union[float, None]"
    ci: "Interval"
    detectable: "Union[float, None]"

class LeaderboardGroup(TypedDict):
    rank: "int"
    ranks: "list[int]"
    letters: "Union[str, None]"
    paired: "bool"

LeaderboardColumn = dict[str, Any]

class LeaderboardItem(TypedDict):
    rank: "Union[int, None]"
    rankShared: "bool"
    model: "str"
    name: "str"
    digest: "Digest"
    owner: "str"
    visibility: "Visibility"
    weights: "Weights"
    metadata: "Metadata"
    features: "bool"
    group: "Union[LeaderboardGroup, None]"
    tied: "Union[LeaderboardTies, None]"
    averages: "dict[str, LeaderboardAverage]"
    scores: "dict[str, LeaderboardScore]"
    formulas: "list[LeaderboardEstimate]"
    links: "dict[str, Any]"

class LeaderboardTies(TypedDict):
    withBest: "bool"
    total: "int"
    models: "list[str]"

class LeaderboardEstimate(TypedDict):
    value: "Union[float, None]"
    ci: "Interval"

class LeaderboardAverage(TypedDict):
    value: "Union[float, None]"
    ci: "Interval"
    n: "int"
    m: "int"

class LeaderboardScore(TypedDict):
    value: "Union[float, None]"
    ci: "Interval"
    error: "Union[float, None]"
    selection: "bool"
    brought: "bool"
    job: "str"

class Differences(TypedDict):
    items: "list[Difference]"

Difference = TypedDict("Difference", {"column": "str", "from": "str", "to": "str", "difference": "float", "ci": "Interval", "paired": "bool", "p": "Union[float, None]", "generalises": "NotRequired[Generalisation]", "mcNemar": "NotRequired[dict[str, Any]]", "reason": "NotRequired[str]"})

class Generalisation(TypedDict):
    to: "Literal[\"images\", \"neuroids\", \"subjects\", \"units\", \"images and neuroids\", \"images and subjects\"]"
    units: "dict[str, Any]"
    degrees: "float"
    animals: "NotRequired[int]"

Interval = Union[list[float], None]

class UploadRequest(TypedDict):
    size: "int"
    digest: "Digest"

class Upload(TypedDict):
    id: "str"
    digest: "Digest"
    size: "int"
    offset: "int"
    expiresAt: "str"
    links: "dict[str, Any]"

class FeaturesRequest(TypedDict):
    upload: "str"
    format: "FeatureFormat"
    name: "NotRequired[ModelName]"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"

class FeaturesChange(TypedDict):
    name: "NotRequired[ModelName]"
    visibility: "NotRequired[Visibility]"
    group: "NotRequired[Group]"

FeatureFormat = Literal["npz", "nc", "csv"]

class Features(TypedDict):
    id: "str"
    digest: "Digest"
    name: "ModelName"
    owner: "str"
    group: "Union[str, None]"
    visibility: "Visibility"
    size: "int"
    format: "FeatureFormat"
    stimuli: "int"
    layers: "list[dict[str, Any]]"
    madeBy: "Union[str, None]"
    createdAt: "str"
    links: "dict[str, Any]"

class FeaturesPage(TypedDict):
    items: "list[Features]"
    next: "Cursor"

InputsRequest = TypedDict("InputsRequest", {"model": "NotRequired[str]", "card": "NotRequired[Card]", "input": "NotRequired[InputSize]", "from": "NotRequired[int]", "count": "NotRequired[int]"})

class ActivationsRequest(TypedDict):
    model: "str"
    layers: "list[str]"
    stimuli: "NotRequired[str]"
    benchmark: "NotRequired[str]"
    degrees: "NotRequired[float]"
    provider: "NotRequired[Literal[\"cpu\", \"cuda\", \"webgpu\", \"coreml\", \"dml\"]]"

class ActivationsForm(TypedDict):
    images: "list[str]"
    model: "str"
    layers: "list[str]"
    degrees: "float"

class Activations(TypedDict):
    stimulus_id: "list[Union[str, int]]"
    provenance: "dict[str, Any]"
    features: "dict[str, list[list[Union[float, None]]]]"

class PackageRequest(TypedDict):
    model: "str"
    format: "PackageFormat"
    identifier: "NotRequired[str]"

PackageFormat = Literal["brainscore", "brainscore-2022"]

class PackageCheck(TypedDict):
    format: "Union[PackageFormat, None]"
    findings: "list[PackageFinding]"
    unchecked: "list[dict[str, Any]]"

class PackageFinding(TypedDict):
    rule: "str"
    level: "Literal[\"error\", \"warning\"]"
    where: "str"
    message: "str"
    source: "str"

class Readiness(TypedDict):
    status: "Literal[\"ready\", \"unavailable\"]"
    checks: "dict[str, Literal[\"ok\", \"failing\"]]"
    reasons: "NotRequired[dict[str, str]]"
