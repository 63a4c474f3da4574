// The stub, to which the jobs of the service itself are some seconds of work that reports its steps.
globalThis.wordOfShipped = 'steps=60';
await import('./stub-score-child.mjs');
