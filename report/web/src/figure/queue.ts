/** Figures that want to be drawn, one after another with pauses between, so that the page answers while many of them change. */

interface Drawable {
  drawNow(): void;
}

const waiting = new Set<Drawable>();
let busy = false;

export function enqueue(figure: Drawable): void {
  waiting.add(figure);
  if (busy) return;
  busy = true;
  requestAnimationFrame(next);
}

export function dequeue(figure: Drawable): void {
  waiting.delete(figure);
}

function next(): void {
  const [figure] = waiting;
  if (!figure) {
    busy = false;
    return;
  }
  waiting.delete(figure);
  figure.drawNow();
  // After what was drawn has been painted, and whatever the reader did has been heard.
  requestAnimationFrame(() => window.setTimeout(next));
}

/** Whether all that wanted to be drawn is. */
export function drawn(): boolean {
  return !busy;
}
