/** The document that the coordinator and `kindling report` give. Times are milliseconds since 1970 UTC; a missing thing is null. */

import type { Direction } from "./values";

/** A list or a table comes as the text of its JSON. */
export type Choice = string | number | boolean | null;

/** The values of a parent that another parameter needs: some of them, or the numbers of a range. */
export type Needs = Choice[] | { at_least: number | null; at_most: number | null };

export interface Document {
  version: number;
  generated: number;
  study: Study;
  workers: Worker[];
  /** By ascending number, all of them. */
  trials: Trial[];
  /** The files that the study itself keeps, by name. */
  artifacts?: Artifact[];
  analysis: Analysis;
  /** How many trials there are, while they are still coming; absent once all have come. */
  total?: number;
}

/** The first message: all but the trials and what is worked out from them, which follow. */
export interface Beginning {
  version: number;
  generated: number;
  study: Study;
  workers: Worker[];
  artifacts?: Artifact[];
  /** How many trials the study has. */
  total: number;
  /** Those that the first view shows, ahead of the others: the best one, or the front as far as it is listed. */
  trials: Trial[];
}

/** What changed since the last message: trials are whole, and changed or new. */
export interface Change {
  study: Study;
  workers: Worker[];
  trials: Trial[];
  /** All that the study itself keeps; absent if they are the same as before. */
  artifacts?: Artifact[];
}

export interface Study {
  name: string;
  /** Whether Optuna's clients drive it. */
  external: boolean;
  /** One for each objective. */
  directions: Direction[];
  /** The name of each. */
  metrics: string[];
  /** The objective of which a trial's `curve` is, by its index. */
  curve_objective: number;
  constraints: string[];
  /** The numbers of the front's trials, as many as the coordinator lists; empty for one objective. */
  front: number[];
  front_size: number;
  state: "ACTIVE" | "PAUSED" | "STOPPED" | "FINISHED";
  /** Trials of the search. */
  budget: number;
  /** Trials planned beyond the budget; until the search is over no more than so many. */
  confirmations: number;
  /** Whether that is their number. */
  confirmations_known: boolean;
  seed: string;
  created: number;
  counts: Counts;
  trials_per_hour: number | null;
  seconds_left: number | null;
  /** Why trials failed: the most frequent reasons, most frequent first. */
  failures: { reason: string; trials: number; newest: number }[];
  /** What people wrote about it, in Markdown, and how often that has changed; absent in what older programs wrote, as what follows is. */
  note?: string;
  note_version?: number;
  tags?: string[];
  archived?: boolean;
  /** What was wrong as the study was paused, unless that was somebody's wish. */
  pause_reason: string | null;
  /** The number of the search's best trial. */
  best: number | null;
  sampler: unknown;
  pruner: unknown;
  objective: { kind: string; settings: unknown };
  space: Param[];
  confirm: { by: string[]; best: number; seeds: number; each: boolean } | null;
}

export interface Counts {
  waiting: number;
  running: number;
  complete: number;
  pruned: number;
  fail: number;
}

export interface Param {
  name: string;
  type: "float" | "int" | "categorical";
  low?: number;
  high?: number;
  log?: boolean;
  step?: number | null;
  choices?: Choice[];
  /** Active only where each parent has one of these. */
  when: Record<string, Needs>;
}

export interface Worker {
  id: string;
  host: string;
  device: string;
  slots: number;
  connected: boolean;
  silent_seconds: number;
  running: { number: number; attempt: number; step: number | null; value: number | null }[];
}

export type TrialState = "WAITING" | "RUNNING" | "COMPLETE" | "PRUNED" | "FAIL";

export interface Trial {
  number: number;
  state: TrialState;
  /** One for each objective, once complete; empty before, and if it ended otherwise. */
  values: number[];
  /** In the study's order; empty if it did not say. Null is not a number. */
  constraints: (number | null)[];
  /** Active ones only. */
  params: Record<string, Choice>;
  /** Intermediate values: step, value. */
  curve: [number, number][];
  /** The same of other objectives, by their index. */
  other_curves?: Record<string, [number, number][]>;
  attributes: Record<string, unknown>;
  attempt: number;
  worker: string;
  /** Oldest first, as far as they are known. */
  attempts?: Attempt[];
  /** Oldest first. */
  checkpoints?: Checkpoint[];
  /** By name. */
  artifacts?: Artifact[];
  /** The trial whose checkpoint its first attempt went on from. */
  warm_start?: number;
  fail_reason: string | null;
  retry_of: number | null;
  /** A confirmation trial: the configuration of search trial `of` under fresh seed number `seed`. */
  confirms: { of: number; seed: number } | null;
  start: number | null;
  complete: number | null;
  /** In Markdown, and how often it has changed; absent without a note. */
  note?: string;
  note_version?: number;
  /** Absent without any. */
  tags?: string[];
}

export interface Attempt {
  attempt: number;
  worker: string;
  start: number | null;
  /** Null while it runs, and so is why it ended. */
  end: number | null;
  ended: "FINISHED" | "LOST" | "HANDED_BACK" | "STUDY_STOPPED" | null;
  /** The checkpoint's step that it went on from; null if it began at the start. */
  resumed_from: number | null;
}

export interface Checkpoint {
  /** Which attempt saved it; 0 if it is another trial's. */
  attempt: number;
  step: number;
  /** In bytes, as below. */
  size: number;
}

export interface Artifact {
  name: string;
  /** The name as it stands in an address. */
  path: string;
  /** What somebody said that it is; empty if nobody did. */
  media_type: string;
  size: number;
  sha256: string;
  saved: number | null;
}

export interface Analysis extends PerObjective {
  /** The same for each further objective. */
  others?: PerObjective[];
  /** Of several objectives. */
  front?: Front;
  /** Of one objective. */
  confirm: Confirm | null;
  /** Of several objectives; absent until a confirmation trial has ended. */
  confirmed_front?: AgainFront;
}

export interface PerObjective {
  importance: Importance | null;
  combinations: Combinations[];
}

export interface Front {
  /** Best first by the first objective. */
  trials: number[];
  feasible: number;
  infeasible: number;
  hypervolume: Hypervolume | null;
}

export interface Hypervolume {
  best: number[];
  reference: number[];
  exact: boolean;
  /** The number of a trial, and the share of the box that is covered from then on. */
  curve: [number, number][];
}

export interface AgainFront {
  /** Best first by the first objective's mean. */
  arms: AgainArm[];
}

export interface AgainArm {
  of: number;
  params: Record<string, Choice>;
  was_on_front: boolean;
  planned: number;
  runs: { seed: number; values: number[] }[];
  failed: number;
  few: boolean;
  /** One for each objective; empty without a run. */
  objectives: Estimate[];
  /** Means. */
  constraints: (number | null)[];
  feasible: boolean | null;
  on_front: boolean | null;
}

export interface Estimate {
  mean: number;
  low: number | null;
  high: number | null;
  sd: number | null;
}

export interface Importance {
  method: string;
  trials: number;
  /** Sum to 1, descending. */
  params: Share[];
  interactions: { a: string; b: string; strength: number }[];
}

export interface Share {
  name: string;
  importance: number;
  /** Where it would lie with other trials, in 95 of 100 cases; null with too few trials to say. */
  low?: number | null;
  high?: number | null;
}

export interface Combinations {
  params: [string, string];
  cells: Cell[];
}

export interface Cell {
  choices: [Choice, Choice];
  trials: number;
  best: number;
  mean: number;
  sd: number | null;
  few: boolean;
}

export interface Confirm {
  /** Best first. */
  arms: Arm[];
  /** The trial whose configuration has the best mean; null before all have been run under all their seeds. */
  best: number | null;
  comparisons: Comparison[];
  effects: { param: string; arms: number[]; comparisons: Comparison[] }[];
}

export type Role = { kind: "combination"; params: Record<string, Choice> } | { kind: "choice"; param: string; choice: Choice };

export interface Arm {
  of: number;
  params: Record<string, Choice>;
  roles: Role[];
  planned: number;
  values: { seed: number; value: number }[];
  mean: number | null;
  /** The 95 % t interval of the mean. */
  low: number | null;
  high: number | null;
  sd: number | null;
  few: boolean;
  failed: number;
  test_mean: number | null;
}

export interface Comparison {
  a: number;
  b: number;
  pairs: number;
  /** The mean of a less that of b. */
  difference: number;
  low: number | null;
  high: number | null;
  p_t: number | null;
  p_wilcoxon: number | null;
  p_holm: number | null;
  differs: boolean;
}

/** `attributes.diagnosis` of a trial. */
export interface Diagnosis {
  stages: Stage[];
}

export interface Stage {
  stage: string;
  layers: Layer[];
}

export interface Layer {
  name: string;
  kind: string;
  activation: string;
  /** Of the activations. What is not finite is null, here and below. */
  mean: number | null;
  std: number | null;
  /** Share of sigmoid outputs below 0.05 or above 0.95. */
  saturated: number | null;
  /** Share of ReLU neurons that are 0 on every input of the sample. */
  dead: number | null;
  /** 2-norm of the loss gradient with respect to the layer's weights. */
  gradient: number | null;
  /** Share of neurons whose incoming weights equal those of an earlier neuron of the layer. */
  equal: number;
  histogram: Histogram;
}

/** Of the activations, in equal bins. */
export interface Histogram {
  low: number | null;
  high: number | null;
  counts: number[];
}

/** A trial's diagnosis, if it has one that is whole enough to draw. */
export function diagnosisOf(trial: Trial): Diagnosis | null {
  const found = trial.attributes["diagnosis"] as Partial<Diagnosis> | null | undefined;
  const whole = Array.isArray(found?.stages) && found.stages.some((s) => Array.isArray(s?.layers) && s.layers.length > 0);
  return whole ? (found as Diagnosis) : null;
}
