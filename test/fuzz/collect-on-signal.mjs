// Preloaded into the service with --expose-gc: what it holds after a collection is what it keeps.
process.on('SIGUSR2', () => globalThis.gc());
