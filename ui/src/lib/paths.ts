/** The paths of an answer as the columns and sides of a tree. */
import type { AnswerPath, PathTree } from "@/types";

/** A stretch of text between two forks. */
export interface Stretch {
  /** Unique in a tree, and the same while paths grow. */
  key: string;
  path: AnswerPath;
  text: string;
  /** How many characters of the path come before it. */
  at: number;
  /** Whether it begins at a fork: its first word is what told it from the others. */
  parted: boolean;
  /** The other ways on from its end. */
  sides: Column[];
}

/** What is read from above to below: the stretches of text that lead to the end of one path. */
export interface Column {
  stretches: Stretch[];
  end: AnswerPath;
  /** How many paths say just that, word for word. */
  times: number;
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
 * The tree from its first path. Paths are together as far as their words are the same, whoever forked where. At each fork
 * the column goes on to the path that is shown; else to the chosen one; else with the path that was forked, unless that
 * one was given up and another was not.
 */
export function layOut(tree: PathTree): Column | null {
  const [first, ...others] = place(tree);
  if (!first) return null;
  const wanted = new Set<Placed>();
  const end = [first, ...others].find(({ path }) => path.branch === shownIn(tree));
  for (let at = end; at; at = at.parent) wanted.add(at);
  const forks = new Map<Placed, Placed[]>();
  for (const one of others) if (one.parent) forks.set(one.parent, [...(forks.get(one.parent) ?? []), one]);
  for (const ways of forks.values()) ways.sort((a, b) => a.at - b.at || a.path.branch - b.path.branch);
  return columnOf(first, 0, forks.get(first) ?? [], forks, wanted, false);
}

const shownIn = ({ shown, chosen }: PathTree): number | null => shown ?? chosen;

/** A path at the place where its words part from those of one before it. */
interface Placed {
  path: AnswerPath;
  /** How many paths say just that; the one that is shown stands for them. */
  times: number;
  parent: Placed | undefined;
  /** All of its text, and how many characters of it are another path's. */
  text: string;
  at: number;
}

function place(tree: PathTree): Placed[] {
  const placed: Placed[] = [];
  const of = new Map<number, Placed>();
  for (const path of tree.paths) {
    const text = textOf(tree, path.branch);
    const twin = placed.find((other) => other.text === text && writing(other.path) === writing(path));
    if (twin) {
      twin.times++;
      if (path.branch === shownIn(tree)) twin.path = path;
      of.set(path.branch, twin);
      continue;
    }
    let parent = of.get(path.parent ?? -1);
    let { at } = path;
    let longest = -1;
    for (const other of placed) {
      const common = sameWords(text, other.text);
      if (common !== null && common > longest) [longest, parent, at] = [common, other, common];
    }
    // What is before a path's own text is that of the one that it left.
    while (parent?.parent && at <= parent.at) parent = parent.parent;
    const one = { path, times: 1, parent, text, at };
    placed.push(one);
    of.set(path.branch, one);
  }
  return placed;
}

const writing = ({ finishReason }: AnswerPath): boolean => finishReason === null;

/** How many characters two texts begin with alike, in whole words; null where one of them says no more than the other. */
function sameWords(a: string, b: string): number | null {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a[i] === b[i]) i++;
  if (i === end) return null;
  while (i > 0 && !(/\s/.test(a[i] ?? "") || /\s/.test(a[i - 1] ?? ""))) i--;
  return i;
}

/** From a place in a path on; `later` are those of its forks that come after it. */
function columnOf(
  one: Placed,
  from: number,
  later: readonly Placed[],
  forks: ReadonlyMap<Placed, Placed[]>,
  wanted: ReadonlySet<Placed>,
  parted = true,
): Column {
  const { path, text, times } = one;
  const stretch = { key: `${path.branch}/${from}`, path, at: from, parted };
  const at = later[0]?.at;
  if (at === undefined)
    return { stretches: [{ ...stretch, text: text.slice(from), sides: [] }], end: path, times };
  const here = later.filter((way) => way.at === at);
  const going = (way: Placed) =>
    way === one
      ? columnOf(one, at, later.slice(here.length), forks, wanted)
      : columnOf(way, at, forks.get(way) ?? [], forks, wanted);
  const ways = [one, ...here];
  const main =
    here.find((way) => wanted.has(way)) ??
    (wanted.has(one) || !givenUp(one) ? one : (here.find((way) => !givenUp(way)) ?? one));
  const sides = ways.filter((way) => way !== main).map(going);
  const { stretches, ...rest } = going(main);
  return { stretches: [{ ...stretch, text: text.slice(from, at), sides }, ...stretches], ...rest };
}

const givenUp = ({ path }: Placed): boolean => path.finishReason === "dropped";

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
export function endings(column: Column): { path: AnswerPath; text: string; times: number }[] {
  const sides = column.stretches.flatMap((stretch) => stretch.sides.flatMap(endings));
  const { end, times, stretches } = column;
  return [...sides, { path: end, text: stretches.at(-1)?.text ?? "", times }];
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
