/** The name under which changes are noted. It is what somebody says of itself, asked once and kept in the browser. */

const KEY = "kindling-user";

/** As the coordinator has it. */
export const LONGEST = 64;

let unkept: string | null = null;

/** The name; empty if somebody would not say, null if nobody was asked yet. */
export function userName(): string | null {
  try {
    return localStorage.getItem(KEY) ?? unkept;
  } catch {
    // A browser may keep nothing.
    return unkept;
  }
}

export function keepName(said: string): void {
  const name = said.trim().slice(0, LONGEST);
  unkept = name;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Then it is asked again after the next load.
  }
}

/** Headers hold no letters beyond ASCII, so it is written as in an address. */
export function userHeader(): Record<string, string> {
  const name = userName();
  return name ? { [KEY]: encodeURIComponent(name) } : {};
}
