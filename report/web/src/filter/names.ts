/** Finds the field that a name means, and the shortest name that means a field. */

import type { Choice } from "../document";
import { type Field, type Group, GROUPS } from "./fields";
import { isWord } from "./lexer";
import { nearest } from "./nearest";
import { KEYWORDS, type Name } from "./parser";
import { oneOf, Problem, some } from "./problem";

export class Names {
  private readonly bare = new Map<string, Field[]>();
  private readonly grouped = new Map<string, Field>();

  constructor(readonly fields: readonly Field[]) {
    for (const field of fields) {
      this.grouped.set(`${field.group}.${field.name}`, this.grouped.get(`${field.group}.${field.name}`) ?? field);
      if (field.group === "attr") continue;
      const same = this.bare.get(field.name);
      if (same) same.push(field);
      else this.bare.set(field.name, [field]);
    }
  }

  /** What the name means; a problem if that is nothing, or more than one thing. */
  find(name: Name): Field {
    const found = distinct(this.meant(name));
    if (found.length === 1) return found[0]!;
    if (found.length === 0) throw this.unknown(name);
    const what = found.map((field) => GROUPS[field.group]);
    throw new Problem(
      `\`${name.text}\` is ${what.slice(0, -1).join(", ")} and ${what[what.length - 1]}`,
      name,
      `write ${oneOf(found.map((field) => this.withGroup(field)))}`,
    );
  }

  private meant({ text, group, quoted }: Name): Field[] {
    if (group !== null) return [this.grouped.get(`${group}.${text}`) ?? []].flat();
    const bare = this.bare.get(text) ?? [];
    return quoted ? bare.filter((field) => field.group !== "trial") : [...bare, this.grouped.get(text) ?? []].flat();
  }

  private unknown(name: Name): Problem {
    const point = name.quoted ? -1 : name.text.indexOf(".");
    const group = name.group ?? (point > 0 ? name.text.slice(0, point) : "");
    const wanted = name.group === null ? name.text.slice(point + 1) : name.text;
    if (Object.hasOwn(GROUPS, group)) {
      const known = this.fields.filter((field) => field.group === group);
      const near = nearest(
        wanted,
        known.map((field) => field.name),
      );
      const hint = near === null ? null : `did you mean \`${this.spell(known.find((field) => field.name === near)!)}\`?`;
      return new Problem(`\`${wanted}\` is not ${GROUPS[group as Group]} of this study`, name, hint);
    }
    const hint = name.quoted && this.grouped.has(`trial.${name.text}`) ? "leave out the quotes" : this.meantInstead(name.text);
    return new Problem(`nothing is called \`${name.text}\` here`, name, hint);
  }

  private meantInstead(text: string): string {
    const attribute = this.grouped.get(`attr.${text}`);
    if (attribute) return `did you mean \`${this.spell(attribute)}\`?`;
    const metrics = this.fields.filter((field) => field.group === "metric");
    if (text === "value") return `there are several objectives: write ${oneOf(metrics.map((field) => this.spell(field)))}`;
    const near = nearest(text, [...this.bare.keys()]);
    if (near !== null) return `did you mean \`${this.spell(this.bare.get(near)![0]!)}\`?`;
    const given = this.fields.filter((field) => field.group !== "trial");
    const own = this.fields.filter((field) => field.group === "trial");
    return `there are ${some([...given, ...own].map((field) => this.spell(field)))}`;
  }

  /** The shortest way to write a field's name. */
  spell(field: Field): string {
    const bare = { text: field.name, group: null, quoted: !isName(field.name), at: 0, length: 0 };
    const meant = distinct(this.meant(bare));
    if (meant.length !== 1 || meant[0] !== distinct([field])[0]) return this.withGroup(field);
    return bare.quoted ? quote(field.name) : field.name;
  }

  /** How a filter writes this name. */
  of(group: Group, name: string): string {
    const field = this.grouped.get(`${group}.${name}`);
    return field ? this.spell(field) : this.withGroup({ group, name });
  }

  /** With quotes also where the whole is somebody else's name. */
  private withGroup({ group, name }: Pick<Field, "group" | "name">): string {
    const plain = isWord(name) && !this.bare.has(`${group}.${name}`);
    return `${group}.${plain ? name : quote(name)}`;
  }
}


function isName(text: string): boolean {
  return isWord(text) && !KEYWORDS.includes(text.toLowerCase());
}

/** Fields under two names count once. */
function distinct(fields: Field[]): Field[] {
  return fields.filter((field, i) => fields.findIndex((f) => f === field || (f.same && f.same === field.same)) === i);
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** A value as a filter has it: texts that would mean something else stand in quotes. */
export function spellValue(value: Choice): string {
  if (typeof value !== "string") return String(value);
  return isWord(value) && !/^(true|false|null)$/.test(value) && Number.isNaN(Number(value)) ? value : quote(value);
}
