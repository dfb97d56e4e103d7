/** The paths of an answer as the columns and sides of a tree. */
import type { AnswerPath, PathTree } from "@/types";

/** A stretch of text between two forks. */
export interface Stretch {
  /** Unique in a tree, and the same while paths grow. */
  key: string;
  path: AnswerPath;
  text: string;
  /** Whether it begins at a fork: its first word is what told it from the others. */
  parted: boolean;
  /** The other ways on from its end. */
  sides: Column[];
}

/** What is read from above to below: the stretches of text that lead to the end of one path. */
export interface Column {
  stretches: Stretch[];
  end: AnswerPath;
}

const byBranch = (paths: readonly AnswerPath[]) => new Map(paths.map((path) => [path.branch, path]));

/** A path and those that it parted from, itself first. */
export function lineage({ paths }: Pick<PathTree, "paths">, branch: number): AnswerPath[] {
  const known = byBranch(paths);
  const chain: AnswerPath[] = [];
  for (let at = known.get(branch); at && !chain.includes(at); at = known.get(at.parent ?? -1)) chain.push(at);
  return chain;
}

/** All of a path's text, with what it has in common with others. */
export function textOf(tree: Pick<PathTree, "paths">, branch: number): string {
  return lineage(tree, branch)
    .reverse()
    .reduce((text, path) => text.slice(0, path.at) + path.text, "");
}

/** How many tokens a path has, with those that it has in common with others. */
export const lengthOf = ({ index, count }: AnswerPath): number => index + count;

/** The paths that can be read, counted: those that were asked for afterwards, and the others. */
export function counts({ paths }: PathTree): { tried: number; changed: number; own: number; live: number } {
  const tried = paths.filter((path) => path.tried);
  return {
    tried: tried.length,
    changed: tried.filter((path) => changes(paths, path) === true).length,
    own: paths.length - tried.length,
    live: paths.filter((path) => path.finishReason === null).length,
  };
}

/** Whether a path that was tried afterwards ends in another answer than the one it left; null where that is not known. */
export function changes(paths: readonly AnswerPath[], path: AnswerPath): boolean | null {
  const left = paths.find(({ branch }) => branch === path.parent);
  const unfinished = path.finishReason !== "stop" && path.finishReason !== "length";
  if (!path.tried || unfinished || path.answer === null || !left || left.answer === null) return null;
  return path.answer !== left.answer;
}

/** Whether a path could be made the answer: it is not being written any more, and has something to say. */
export const complete = (path: AnswerPath): boolean =>
  path.finishReason !== null && path.finishReason !== "failed";

/**
 * The tree from its first path. At each fork the column goes on to the path that is shown; else to the chosen one; else
 * with the path that was forked, unless only others of its ways are still alive.
 */
export function layOut(tree: PathTree): Column | null {
  const first = tree.paths.find(({ parent }) => parent === null);
  if (!first) return null;
  const wanted = new Set(lineage(tree, tree.shown ?? tree.chosen ?? -1).map(({ branch }) => branch));
  return columnOf(first, first.index, first.at, forksOf(tree.paths), wanted, false);
}

/** The paths that left each path, in the order of their places. */
type Forks = Map<number, AnswerPath[]>;

function forksOf(paths: readonly AnswerPath[]): Forks {
  const known = byBranch(paths);
  const forks: Forks = new Map();
  for (const path of paths) {
    // What left a path at its own beginning, or before that, has left the one before it.
    let from = known.get(path.parent ?? -1);
    while (from && from.parent !== null && path.index <= from.index) from = known.get(from.parent);
    if (from) forks.set(from.branch, [...(forks.get(from.branch) ?? []), path]);
  }
  for (const children of forks.values()) children.sort((a, b) => a.index - b.index || a.branch - b.branch);
  return forks;
}

function columnOf(
  path: AnswerPath,
  index: number,
  at: number,
  forks: Forks,
  wanted: ReadonlySet<number>,
  parted: boolean,
): Column {
  const later = (forks.get(path.branch) ?? []).filter((child) => child.index >= index);
  const next = later[0];
  const key = `${path.branch}/${index}`;
  if (!next) {
    const text = path.text.slice(at - path.at);
    return { stretches: [{ key, path, text, parted, sides: [] }], end: path };
  }
  const here = later.filter((child) => child.index === next.index);
  const rest = later.slice(here.length);
  const main = here.find(({ branch }) => wanted.has(branch)) ?? survivor(path, here, rest, wanted);
  const going = columnOf(
    main,
    next.index,
    next.at,
    main === path ? without(forks, path, rest) : forks,
    wanted,
    true,
  );
  const others = here.filter((child) => child !== main);
  const sides = others.map((child) => columnOf(child, child.index, child.at, forks, wanted, true));
  if (main !== path)
    sides.unshift(columnOf(path, next.index, next.at, without(forks, path, rest), wanted, true));
  const text = path.text.slice(at - path.at, next.at - path.at);
  return { stretches: [{ key, path, text, parted, sides }, ...going.stretches], end: going.end };
}

/** The path itself, or another way where it was given up and that one was not. */
function survivor(
  path: AnswerPath,
  here: AnswerPath[],
  rest: AnswerPath[],
  wanted: ReadonlySet<number>,
): AnswerPath {
  const leads = wanted.has(path.branch) || rest.length > 0 || path.finishReason !== "dropped";
  return leads ? path : (here.find(({ finishReason }) => finishReason !== "dropped") ?? path);
}

function without(forks: Forks, path: AnswerPath, rest: AnswerPath[]): Forks {
  return new Map(forks).set(path.branch, rest);
}

/** The word that a way begins with, and what comes after it. */
export function partingWord(text: string): { word: string; rest: string } {
  const found = /^\s*\S+/.exec(text)?.[0] ?? text;
  return { word: found.trim(), rest: text.slice(found.length) };
}

/** The beginning and the end of a long text, with `end` characters of the latter. */
export function elided(text: string, begin: number, end: number): string {
  if (text.length <= begin + end + 3) return text;
  const head = text.slice(0, begin).replace(/\s+\S*$/, "");
  const tail = text.slice(text.length - end).replace(/^\S*\s+/, "");
  return `${head} … ${tail}`;
}

/** The stretches that paths end with, in the order in which they are read; the shown path's comes last in its column. */
export function endings(column: Column): { path: AnswerPath; text: string }[] {
  const sides = column.stretches.flatMap((stretch) => stretch.sides.flatMap(endings));
  return [...sides, { path: column.end, text: column.stretches.at(-1)?.text ?? "" }];
}

const SCORES: Record<string, [name: string, unit: string]> = {
  logprob: ["log-probability", "nats a token, the mean"],
  delta: ["Δ", "how far the likeliest token is ahead of the second, the mean over the answer"],
  confidence: ["confidence", "nats, the mean"],
  tail_confidence: ["tail confidence", "nats, the mean of the last tokens"],
  lowest_confidence: ["lowest confidence", "nats, the lowest mean of neighbouring tokens"],
  self_certainty: ["self-certainty", "nats, the mean"],
  negative_entropy: ["negative entropy", "bits, the mean"],
};

export const scoreName = (score: string): string => SCORES[score]?.[0] ?? score.replaceAll("_", " ");
export const scoreUnit = (score: string): string => SCORES[score]?.[1] ?? "";
