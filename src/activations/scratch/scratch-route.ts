import type { Route } from './scratch-file.js';

/**
 * The route that batches take to scratch: directly for as long as the network works longer than it waits for
 * the disk. A slow disk would hold it up; the page cache takes what memory has room for.
 */
export class ScratchRoute {
  #worked = 0;
  #waited = 0;
  #route: Route = 'direct';

  get route(): Route {
    return this.#route;
  }

  /**
   * Reports the times of a batch: milliseconds of the network, then of waiting for the previous write.
   */
  took(worked: number, waited: number): void {
    this.#worked += worked;
    this.#waited += waited;
    if (this.#waited > this.#worked) this.#route = 'cached';
  }
}
