/** The newest of many things, as many as there is room for. */

/** How many lines are shown, and how many characters and elements they take about, whichever is less. */
export const MOST_LINES = 5000;
export const MOST_ROOM = 4_000_000;

export class Newest<T> {
  private held: { item: T; room: number }[] = [];
  private taken = 0;

  constructor(
    private readonly most = MOST_LINES,
    private readonly room = MOST_ROOM,
  ) {}

  /** Adds one, and returns those for which there is no room any more, oldest first. */
  add(item: T, room: number): T[] {
    this.held.push({ item, room });
    this.taken += room;
    let [dropped, count, taken] = [0, this.held.length, this.taken];
    // The newest one stays, however large.
    while (count > 1 && (count > this.most || taken > this.room)) {
      taken -= this.held[dropped]!.room;
      dropped += 1;
      count -= 1;
    }
    this.taken = taken;
    return dropped === 0 ? [] : this.held.splice(0, dropped).map(({ item }) => item);
  }

  /** Whether all of the others would fit, too. */
  hasRoomFor(others: Newest<unknown>): boolean {
    return this.size + others.size <= this.most && this.taken + others.taken <= this.room;
  }

  get size(): number {
    return this.held.length;
  }

  /** All of them, oldest first; afterwards there are none. */
  take(): T[] {
    const all = this.held.map(({ item }) => item);
    this.held = [];
    this.taken = 0;
    return all;
  }
}
