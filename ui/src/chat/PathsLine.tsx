import { GitFork } from "lucide-react";
import { useMemo, useRef } from "react";
import { showPaths } from "@/inspector/forking";
import { useTurn } from "@/instruments/turns";
import { Button } from "@/kit/controls";
import { plural } from "@/lib/format";
import { counts, endings, layOut, partingWord, scoreName } from "@/lib/paths";
import { useTree } from "@/store/chats";
import type { Message } from "@/store/model";
import { underWay } from "@/store/status";
import type { PathTree } from "@/types";

/** So many answers that paths gave are named. */
const FEW = 4;

/** The last words of each path while none is the answer yet, each in a line that never breaks. */
function LiveWords({ tree }: { tree: PathTree }) {
  const shown = useTurn(tree);
  const ways = useMemo(() => {
    const column = layOut(shown);
    const live = column ? endings(column).filter(({ path }) => path.finishReason === null) : [];
    return live.sort((a, b) => a.path.branch - b.path.branch);
  }, [shown]);
  // Paths that end leave their room, so that nothing below moves up and down.
  const most = useRef(0);
  most.current = Math.max(most.current, ways.length);
  return (
    <ul
      className="mt-1.5 border-l border-line pl-3"
      style={{ minHeight: `${most.current * 28}px` }}
      aria-label="Paths being written"
    >
      {ways.map(({ path, text, times }) => {
        const { word, rest } = partingWord(text);
        return (
          <li
            key={path.branch}
            className="flex h-7 items-baseline gap-1.5 overflow-hidden text-[13px] whitespace-nowrap"
          >
            <span className="parting max-w-[45%] shrink-0 truncate">{word || "…"}</span>
            {times > 1 && <span className="num shrink-0 text-xs text-muted">× {times}</span>}
            <span className="flex min-w-0 flex-1 justify-end overflow-hidden text-muted">
              <span className="mr-auto">{rest.slice(-160).replace(/\s+/g, " ")}</span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function said(tree: PathTree): string {
  const { own, tried, changed, live } = counts(tree);
  const parts: string[] = [];
  const [first, ...others] = tree.votes;
  if (first) {
    const of = (n: number) => `${n} of ${plural(own, "path")}`;
    parts.push(
      `${of(first.branches.length)} ${first.branches.length === 1 ? "says" : "say"} ${short(first.answer)}`,
    );
    const named = others.slice(0, FEW).map((vote) => `${short(vote.answer)} × ${vote.branches.length}`);
    if (named.length > 0) parts.push(named.join(", ") + (others.length > FEW ? ", …" : ""));
  } else if (tree.policy && tree.chosen !== null)
    parts.push(`The best of ${plural(own, "path")} by ${scoreName(tree.score)}`);
  else if (tree.policy) parts.push(`${plural(own, "path")}, none of them chosen`);
  const taken = tree.shown !== tree.chosen && tree.paths.find(({ branch }) => branch === tree.shown);
  if (taken) parts.push(taken.answer === null ? "you chose another" : `you chose ${short(taken.answer)}`);
  if (tried > 0) {
    const outcome = live > 0 ? `${live} being written` : `${changed} changed the answer`;
    parts.push(`${plural(tried, "other way")} tried, ${outcome}`);
  }
  const sentence = parts.join(" · ");
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

const short = (answer: string) => (answer.length > 32 ? `${answer.slice(0, 31).trimEnd()}…` : answer);

/** What its paths said, under an answer that has several; their last words while it is not settled. */
export function PathsLine({ message }: { message: Message }) {
  const tree = useTree(message);
  if (!tree) return null;
  const writing = underWay(message.answer);
  const { live, own } = counts(tree);
  const ended = own - live;
  return (
    <div className="mt-2 text-sm">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-muted">
        <span role="status">
          {writing ? `Writing ${plural(live, "path")}${ended > 0 ? `; ${ended} ended` : ""}.` : said(tree)}
        </span>
        <Button className="h-7! text-[13px]!" onClick={() => showPaths(message.id)}>
          <GitFork size={13} aria-hidden /> Paths
        </Button>
      </div>
      {writing && <LiveWords tree={tree} />}
    </div>
  );
}
