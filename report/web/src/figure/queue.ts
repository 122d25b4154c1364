/** Figures that want to be drawn, one after another with pauses between, so that the page answers while many of them change. */

interface Drawable {
  /** In steps, if one would take long. */
  drawNow(): void | Promise<void>;
}

const waiting = new Set<Drawable>();
let busy = false;

export function enqueue(figure: Drawable): void {
  waiting.add(figure);
  if (!busy) void drawAll();
}

export function dequeue(figure: Drawable): void {
  waiting.delete(figure);
}

async function drawAll(): Promise<void> {
  busy = true;
  for (;;) {
    await painted();
    const [figure] = waiting;
    if (!figure) break;
    waiting.delete(figure);
    try {
      await figure.drawNow();
    } catch (error) {
      // The others are drawn all the same.
      reportError(error);
    }
  }
  busy = false;
}

/** After what was drawn has been painted, which is a task of its own, and whatever the reader did has been heard. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => window.setTimeout(resolve)));
}

/** Whether all that wanted to be drawn is. */
export function drawn(): boolean {
  return !busy;
}
