import { Square } from "lucide-react";
import { useCallback, useMemo } from "react";
import { PathTree } from "@/instruments/PathTree";
import { useSelection } from "@/instruments/selection";
import { Button } from "@/kit/controls";
import { attempt } from "@/kit/notices";
import { hundredths, plural } from "@/lib/format";
import { counts, scoreName, scoreUnit } from "@/lib/paths";
import { useChats, useTree } from "@/store/chats";
import { stop } from "@/store/generation";
import { hesitations, LEAST, MOST, untried } from "@/store/hesitations";
import type { Message } from "@/store/model";
import { underWay } from "@/store/status";
import { takePath } from "@/store/take";
import type { PathTree as Tree } from "@/types";
import { everywhere } from "./forking";

/** Which answers the paths gave, and what weighs how much. */
function Votes({ tree }: { tree: Tree }) {
  const all = tree.votes.reduce((sum, { weight }) => sum + weight, 0);
  const chosen = tree.paths.find(({ branch }) => branch === tree.chosen);
  if (!chosen) return null;
  if (tree.votes.length === 0)
    return <p className="text-xs text-muted">The best of them by {scoreName(tree.score)} is the answer.</p>;
  return (
    <ol aria-label="Votes" className="space-y-1">
      {tree.votes.map(({ answer, weight, branches }, i) => (
        <li key={answer} className="relative flex h-7 items-center gap-2 text-[13px]">
          <span
            className="absolute inset-y-0.5 left-0 rounded-sm bg-accent/15"
            style={{ width: `${(100 * weight) / Math.max(all, 1e-9)}%` }}
            aria-hidden
          />
          <span className={`num relative min-w-0 truncate pl-2 ${i === 0 ? "font-semibold" : ""}`}>
            {answer}
          </span>
          <span className="num relative ml-auto shrink-0 pr-1 text-xs text-muted">
            {plural(branches.length, "path")}
            {weight !== branches.length && ` · ${hundredths(weight)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** All scores of all paths, for who wants to compare them. */
function Scores({ tree }: { tree: Tree }) {
  const names = Object.keys(tree.paths[0]?.scores ?? {});
  const rows = tree.paths.filter((path) => !path.tried);
  if (names.length < 2) return null;
  return (
    <details className="mt-3">
      <summary className="cursor-pointer text-xs text-muted hover:text-ink">All scores</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="mt-1 overflow-x-auto" tabIndex={0} aria-label="All scores">
        <table className="num text-[11px] whitespace-nowrap">
          <thead className="text-muted">
            <tr>
              <th className="pr-3 text-left font-normal">says</th>
              {names.map((name) => (
                <th key={name} className="px-1.5 text-right font-normal" title={scoreUnit(name)}>
                  {scoreName(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((path) => (
              <tr key={path.branch} className={path.branch === tree.shown ? "font-semibold" : ""}>
                <td className="max-w-24 truncate pr-3">{path.answer ?? "–"}</td>
                {names.map((name) => (
                  <td key={name} className="px-1.5 text-right">
                    {hundredths(path.scores[name] ?? Number.NaN)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

/** What happened, in a sentence or two. */
function sentences(tree: Tree): string {
  const { own, tried, changed, live } = counts(tree);
  const tokens = plural(
    tree.paths.reduce((sum, { count }) => sum + count, 0),
    "token",
  );
  const said: string[] = [];
  if (tree.policy) said.push(`${plural(own, "path")} by ${tree.policy}, ${tokens}.`);
  if (tree.narrowed > 0) said.push(`No room or budget for ${plural(tree.narrowed, "more fork")}.`);
  if (tried > 0) said.push(`${plural(tried, "other way")} tried, of which ${changed} changed the answer.`);
  if (live > 0) said.push(`${live} being written.`);
  return said.join(" ");
}

/** The ways that an answer went or could have gone, and the button that tries them. */
export function PathsPanel({ message }: { message: Message }) {
  const tree = useTree(message);
  const tokens = useChats((s) => s.answers[message.id]?.tokens);
  const busy = useChats((s) => s.trees[message.id] !== undefined);
  const writing = underWay(message.answer);
  const places = useMemo(
    () => (writing ? 0 : untried(hesitations(tokens ?? []), tree).length),
    [tokens, writing, tree],
  );
  const take = useCallback(
    (branch: number) =>
      void attempt(async () => {
        await takePath(message, branch);
        useSelection.getState().forget(message.id);
      }),
    [message],
  );
  return (
    <section aria-label="Paths of this answer" className="border-b border-line px-3 pt-3 pb-4">
      <div className="flex min-h-8 items-center gap-2 px-2.5">
        <h2 className="text-[13px] font-semibold">Paths of this answer</h2>
        {busy && (
          <Button className="ml-auto h-7!" onClick={() => stop(message.id)}>
            <Square size={10} fill="currentColor" aria-hidden /> Stop
          </Button>
        )}
      </div>
      {tree ? (
        <div className="px-2.5">
          <p className="pb-2 text-xs text-muted">{sentences(tree)}</p>
          <Votes tree={tree} />
        </div>
      ) : (
        <p className="px-2.5 pb-1 text-xs text-muted">
          {writing
            ? "One path is being written."
            : "It went one way. Try others here, or let the next answer fork: Sampler, Forks."}
        </p>
      )}
      {!busy && !writing && <Everywhere message={message} places={places} again={tree !== undefined} />}
      {tree && (
        <div className="mt-3">
          <PathTree answerId={message.id} tree={tree} onTake={writing ? undefined : take} />
          <div className="px-2.5">
            <Scores tree={tree} />
          </div>
        </div>
      )}
    </section>
  );
}

function Everywhere({ message, places, again }: { message: Message; places: number; again: boolean }) {
  const few = Math.min(places, MOST);
  const chance = `${Math.round(LEAST * 100)} %`;
  return (
    <div className="mt-3 px-2.5">
      <Button disabled={places === 0} onClick={() => everywhere(message)}>
        Fork everywhere it hesitated
      </Button>
      <p className="mt-1.5 text-xs text-muted">
        {places === 0
          ? `At no ${again ? "other " : ""}token did another one have a chance of ${chance}.`
          : `${plural(places, "place")} where another token had a chance of ${chance} or more` +
            `${places > few ? `; the likeliest ${few} are tried` : ""}. Shows which of them change the answer.`}
      </p>
    </div>
  );
}
