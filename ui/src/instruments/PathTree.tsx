/** The paths of an answer as a tree: what they have in common from above to below, the other ways beside it. */
import clsx from "clsx";
import { memo, useMemo } from "react";
import { movedByHand } from "@/instruments/pointer";
import { useSelection } from "@/instruments/selection";
import { useTurn } from "@/instruments/turns";
import { hundredths, plural } from "@/lib/format";
import {
  type Column,
  changes,
  complete,
  elided,
  layOut,
  partingWord,
  type Stretch,
  scoreName,
  scoreUnit,
} from "@/lib/paths";
import { useChats } from "@/store/chats";
import type { AnswerPath, PathTree as Tree } from "@/types";

interface PathTreeProps {
  answerId: string;
  tree: Tree;
  /** Makes a path the answer; without it, none can be chosen now. */
  onTake: ((branch: number) => void) | undefined;
}

export function PathTree({ answerId, tree, onTake }: PathTreeProps) {
  const shown = useTurn(tree);
  const column = useMemo(() => layOut(shown), [shown]);
  if (!column) return null;
  return <ColumnView column={column} tree={shown} answerId={answerId} onTake={onTake} main />;
}

interface ColumnProps extends PathTreeProps {
  column: Column;
  /** Whether it leads to the path that is shown: its places are tokens of the text beside it. */
  main?: boolean;
}

function ColumnView({ column, tree, answerId, onTake, main = false }: ColumnProps) {
  const last = column.stretches.length - 1;
  return (
    <ol className="space-y-1">
      {column.stretches.map((stretch, i) => (
        <li key={stretch.key} className="space-y-1">
          {i === last ? (
            <Leaf
              path={column.end}
              times={column.times}
              stretch={stretch.text}
              parted={stretch.parted}
              shown={tree.shown === column.end.branch}
              changed={changes(tree.paths, column.end)}
              score={tree.score}
              onTake={complete(column.end) ? onTake : undefined}
            />
          ) : (
            <Between stretch={stretch} main={main} />
          )}
          {stretch.sides.length > 0 && (
            <ul className="ml-3 space-y-1 border-l border-line pl-2">
              {stretch.sides.map((side) => (
                <Side
                  key={side.stretches[0]?.key}
                  column={side}
                  tree={tree}
                  answerId={answerId}
                  onTake={onTake}
                  main={main}
                />
              ))}
            </ul>
          )}
        </li>
      ))}
    </ol>
  );
}

/** Other ways on from a place; pointing at one marks the place in the text. */
function Side({ main, ...rest }: ColumnProps) {
  const { answerId, column } = rest;
  const at = column.stretches[0]?.at ?? 0;
  const { hover } = useSelection.getState();
  const mark = main ? () => hover({ answerId, index: tokenAfter(answerId, at) }, "tree") : undefined;
  const unmark = main ? () => hover(null, "tree") : undefined;
  return (
    <li
      onPointerMove={mark && ((event) => movedByHand(event) && mark())}
      onPointerLeave={unmark}
      onFocus={mark}
      onBlur={unmark}
    >
      <ColumnView {...rest} />
    </li>
  );
}

/** The token of an answer that its text goes on with behind so many characters. */
function tokenAfter(answerId: string, characters: number): number {
  const tokens = useChats.getState().answers[answerId]?.tokens ?? [];
  let left = characters;
  for (const [index, { text }] of tokens.entries()) {
    left -= text.length;
    if (left < 0) return index;
  }
  return tokens.length - 1;
}

/** How much of a text is written out, in characters: of what several paths have, and of what one ends with. */
const COMMON = { begin: 140, end: 110 };
const ENDING = { begin: 150, end: 170 };

function Words({ text, parted, begin, end }: { text: string; parted: boolean; begin: number; end: number }) {
  const dense = text.replace(/\n\s*\n/g, "\n");
  if (!parted) return <>{elided(dense.trim(), begin, end)}</>;
  const { word, rest } = partingWord(dense);
  return (
    <>
      <span className="parting">{word || "∅"}</span>
      {elided(rest, begin, end)}
    </>
  );
}

const Between = memo(function Between({ stretch, main }: { stretch: Stretch; main: boolean }) {
  const { text, parted } = stretch;
  if (text.trim() === "") return null;
  return (
    <p className={clsx("path-text px-2.5 text-muted", main && "path-main")}>
      <Words text={text} parted={parted} {...COMMON} />
    </p>
  );
});

interface LeafProps {
  path: AnswerPath;
  times: number;
  stretch: string;
  parted: boolean;
  shown: boolean;
  changed: boolean | null;
  score: string;
  onTake: ((branch: number) => void) | undefined;
}

const Leaf = memo(function Leaf({ stretch, parted, onTake, ...facts }: LeafProps) {
  const { path, shown } = facts;
  const gone = path.finishReason === "dropped" || path.finishReason === "failed";
  const look = clsx(
    "block w-full rounded-md px-2.5 py-1.5 text-left",
    shown ? "path-main bg-panel text-ink" : gone ? "text-faint" : "text-ink",
  );
  const body = (
    <>
      <span className="path-text block">
        <Words text={stretch} parted={parted} {...ENDING} />
        {path.finishReason === null && <span className="tokens-caret" />}
      </span>
      <Facts {...facts} />
    </>
  );
  if (!onTake || shown)
    return (
      <div className={look} aria-current={shown ? "true" : undefined} data-path={path.branch}>
        {body}
      </div>
    );
  return (
    <button
      type="button"
      className={`${look} hover:bg-line/50`}
      data-path={path.branch}
      title="Make this path the answer"
      onClick={() => onTake(path.branch)}
    >
      <span className="sr-only">Make this path the answer: </span>
      {body}
    </button>
  );
});

/** What became of a path that did not end by itself. */
const FATES: Record<string, string> = {
  dropped: "given up",
  failed: "failed",
  stopped: "stopped",
  length: "cut at its limit",
};

function Facts({ path, times, shown, changed, score }: Omit<LeafProps, "stretch" | "parted" | "onTake">) {
  const value = path.scores[score];
  const fate = path.finishReason === null ? "writing" : FATES[path.finishReason];
  return (
    <span className="mt-0.5 flex flex-wrap items-baseline gap-x-2.5 text-[11px] leading-4 text-muted">
      {shown && (
        <span className="flex items-baseline gap-1.5 font-medium text-accent">
          <span className="size-1.5 rounded-full bg-accent" aria-hidden />
          the answer
        </span>
      )}
      {path.answer !== null && (
        <span className="max-w-full truncate">
          says <b className="num font-semibold text-ink">{path.answer}</b>
        </span>
      )}
      {times > 1 && <span className="num text-ink">× {times}</span>}
      {changed === true && <span className="font-medium text-warn">changed the answer</span>}
      {changed === false && <span>same answer</span>}
      {path.vote > 0 && path.vote !== 1 && <span className="num">vote {hundredths(path.vote)}</span>}
      {value !== undefined && Number.isFinite(value) && (
        <span className="num" title={scoreUnit(score)}>
          {scoreName(score)} {hundredths(value)}
        </span>
      )}
      <span className="num">{plural(path.count, "token")}</span>
      {fate && <span>{fate}</span>}
    </span>
  );
}
