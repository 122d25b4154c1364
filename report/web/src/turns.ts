/** Work that takes long, done a little at a time, so that the page answers meanwhile. */

/** So long, in milliseconds, it goes on before the browser may do something else. */
export const TURN = 12;

/**
 * Lets the browser do what it has to. A timer would take four milliseconds, whatever there is to do, and `scheduler.yield` goes on ahead of
 * timers, so that nothing would be drawn before all has been done.
 */
export function breath(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** What the steps come to; null as soon as nobody wants it any more. */
export async function inTurns<T>(steps: Generator<void, T>, wanted: () => boolean): Promise<T | null> {
  for (;;) {
    for (const end = performance.now() + TURN; performance.now() < end; ) {
      const { done, value } = steps.next();
      if (done) return value;
    }
    await breath();
    if (!wanted()) return null;
  }
}

/** The same without a pause. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
