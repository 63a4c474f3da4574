/** JSON Schema (draft 2020-12) of the fields read from a receipt; other keys are allowed. */
export const receiptSchema = {
  type: 'object',
  required: ['receipt', 'ventral', 'numerics', 'runtime', 'runs'],
  properties: {
    receipt: { type: 'integer' },
    ventral: { type: 'string' },
    numerics: { type: 'integer' },
    screen: { type: 'integer' },
    runtime: {
      type: 'object',
      required: ['ort', 'provider', 'threads', 'node', 'platform', 'processor'],
      properties: {
        ort: { type: 'string' },
        provider: { type: 'string' },
        device: { type: 'string' },
        precision: { type: 'string' },
        threads: { type: 'integer', minimum: 1, maximum: 1024 },
        node: { type: 'string' },
        platform: { type: 'string' },
        processor: { type: 'string' },
      },
    },
    runs: { type: 'array', minItems: 1, items: { $ref: '#/$defs/run' } },
  },
  $defs: {
    digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
    names: { type: 'array', items: { type: 'string' } },
    texts: { type: 'object', additionalProperties: { type: 'string' } },
    number: { type: ['number', 'null'] },
    file: {
      type: 'object',
      required: ['file'],
      properties: { file: { type: 'string', minLength: 1, pattern: '^[^\\u0000]+$' } },
    },
    reference: {
      anyOf: [
        { $ref: '#/$defs/file' },
        {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', pattern: '^[\\w.{}-]+$' } },
        },
      ],
    },
    asked: { type: 'array', minItems: 1, items: { $ref: '#/$defs/reference' } },
    benchmarks: { type: 'array', items: { $ref: '#/$defs/benchmark' } },
    run: {
      type: 'object',
      required: ['kind'],
      discriminator: { propertyName: 'kind' },
      oneOf: [
        {
          type: 'object',
          required: ['kind', 'asked', 'benchmarks', 'model', 'scores'],
          properties: {
            kind: { const: 'score' },
            asked: { $ref: '#/$defs/asked' },
            benchmarks: { $ref: '#/$defs/benchmarks' },
            model: { $ref: '#/$defs/model' },
            layers: {
              type: 'object',
              additionalProperties: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/names' }] },
            },
            input: { $ref: '#/$defs/input' },
            detail: { type: 'boolean' },
            scores: { $ref: '#/$defs/scores' },
          },
        },
        {
          type: 'object',
          required: ['kind', 'asked', 'benchmarks', 'features', 'scores'],
          properties: {
            kind: { const: 'features' },
            asked: { $ref: '#/$defs/asked' },
            benchmarks: { $ref: '#/$defs/benchmarks' },
            features: {
              type: 'object',
              allOf: [{ $ref: '#/$defs/file' }],
              required: ['digest'],
              properties: { digest: { $ref: '#/$defs/digest' } },
            },
            layers: { $ref: '#/$defs/names' },
            detail: { type: 'boolean' },
            scores: { $ref: '#/$defs/scores' },
          },
        },
        {
          type: 'object',
          required: ['kind', 'asked', 'benchmarks', 'model', 'map'],
          properties: {
            kind: { const: 'map' },
            asked: { $ref: '#/$defs/asked' },
            benchmarks: { $ref: '#/$defs/benchmarks' },
            model: { $ref: '#/$defs/model' },
            layers: { $ref: '#/$defs/names' },
            input: { $ref: '#/$defs/input' },
            holdout: { type: 'boolean' },
            nested: { type: 'boolean' },
            pool: { $ref: '#/$defs/names' },
            pca: {
              type: 'object',
              required: ['components'],
              properties: { components: { type: 'integer' }, images: { $ref: '#/$defs/file' } },
            },
            map: { $ref: '#/$defs/map' },
          },
        },
      ],
    },
    model: {
      type: 'object',
      required: ['path', 'name', 'digest', 'card', 'cardFrom'],
      properties: {
        path: { $ref: '#/$defs/reference' },
        name: { type: 'string' },
        digest: { $ref: '#/$defs/digest' },
        card: { type: 'object' },
        cardFrom: { enum: ['file', 'embedded', 'given', 'assumed'] },
        cardFile: { $ref: '#/$defs/file' },
        assume: { const: 'imagenet' },
      },
    },
    input: {
      type: 'object',
      properties: {
        resize: { type: 'integer', minimum: 1, maximum: 9999 },
        crop: { type: 'integer', minimum: 1, maximum: 9999 },
      },
    },
    benchmark: {
      type: 'object',
      required: ['id', 'metric', 'definition', 'sources', 'data'],
      properties: {
        id: { type: 'string' },
        metric: { type: 'string' },
        definition: { type: 'object' },
        sources: { $ref: '#/$defs/texts' },
        data: { type: 'object', additionalProperties: { $ref: '#/$defs/digest' } },
      },
    },
    part: {
      type: 'object',
      required: ['value', 'error', 'splits'],
      properties: {
        value: { $ref: '#/$defs/number' },
        error: { $ref: '#/$defs/number' },
        splits: { type: 'array', items: { $ref: '#/$defs/number' } },
      },
    },
    score: {
      type: 'object',
      required: [
        'benchmark',
        'version',
        'model',
        'name',
        'layer',
        'layerChoice',
        'selection',
        'value',
        'error',
        'ci',
        'raw',
        'ceiling',
        'warnings',
        'provenance',
      ],
      properties: {
        benchmark: { type: 'string' },
        layer: { type: 'string' },
        value: { $ref: '#/$defs/number' },
        error: { $ref: '#/$defs/number' },
        ci: { type: ['array', 'null'], items: { type: 'number' } },
        raw: { $ref: '#/$defs/part' },
        ceiling: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/part' }] },
        warnings: {
          type: 'array',
          items: {
            type: 'object',
            required: ['code'],
            properties: { code: { type: 'string' }, detail: { type: 'string' } },
          },
        },
        provenance: {
          type: 'object',
          required: ['metric', 'inputs'],
          properties: { metric: { type: 'string' }, inputs: { $ref: '#/$defs/digest' } },
        },
      },
    },
    scores: { type: 'array', minItems: 1, items: { $ref: '#/$defs/score' } },
    cell: {
      anyOf: [
        {
          type: 'object',
          required: ['reason'],
          properties: { reason: { type: 'string' } },
          not: { required: ['value'] },
        },
        { $ref: '#/$defs/score' },
      ],
    },
    cells: { type: 'object', additionalProperties: { $ref: '#/$defs/cell' } },
    map: {
      type: 'object',
      required: ['model', 'name', 'benchmarks', 'layers', 'chosen', 'provenance'],
      properties: {
        model: { $ref: '#/$defs/digest' },
        name: { type: 'string' },
        benchmarks: { $ref: '#/$defs/names' },
        layers: {
          type: 'array',
          items: {
            type: 'object',
            required: ['layer', 'cells'],
            properties: {
              layer: { type: 'string' },
              cells: { $ref: '#/$defs/cells' },
              components: { $ref: '#/$defs/cells' },
            },
          },
        },
        chosen: { type: 'object', additionalProperties: { type: 'object' } },
        holdout: { $ref: '#/$defs/cells' },
        nested: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            anyOf: [
              { required: ['reason'], properties: { reason: { type: 'string' } } },
              {
                required: ['value', 'ci', 'splits', 'layers', 'inputs'],
                properties: {
                  splits: { $ref: '#/$defs/names' },
                  inputs: { $ref: '#/$defs/digest' },
                  warnings: { type: 'array', items: { type: 'object', required: ['code'] } },
                },
              },
            ],
          },
        },
        components: {
          type: 'object',
          required: ['count', 'fitting', 'chosen'],
          properties: {
            count: { type: 'integer' },
            fitting: { type: 'string' },
            chosen: { type: 'object', additionalProperties: { type: 'object' } },
          },
        },
        provenance: {
          type: 'object',
          required: ['inputs'],
          properties: { inputs: { $ref: '#/$defs/digest' } },
        },
      },
    },
  },
} as const;
