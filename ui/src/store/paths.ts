import { lineage } from "@/lib/paths";
import type { PathTree, TokenRecord } from "@/types";
import { loadPaths } from "./db";

/** The tokens that are each path's own, by message: those of this visit, and those that were read. */
const known = new Map<string, Map<number, TokenRecord[]>>();

/** Keeps the tokens of paths at hand, so that they are there where nothing can be stored, too. */
export function keepTokens(messageId: string, paths: ReadonlyMap<number, TokenRecord[]>): void {
  known.set(messageId, new Map([...(known.get(messageId) ?? []), ...paths]));
}

/** All tokens of a path, with those that it has in common with others. Throws where they are not known. */
export async function pathTokens(
  messageId: string,
  tree: Pick<PathTree, "paths">,
  branch: number,
): Promise<TokenRecord[]> {
  const chain = lineage(tree, branch).reverse();
  const own = (branch: number) => known.get(messageId)?.get(branch);
  // Another tab may have gone on with a path since its tokens were read.
  if (chain.some(({ branch: one, count }) => own(one)?.length !== count)) {
    const stored = await loadPaths(messageId).catch(() => new Map<number, TokenRecord[]>());
    keepTokens(messageId, stored);
  }
  if (chain.length === 0 || chain.some((path) => !own(path.branch)))
    throw new Error("The tokens of that path were not kept.");
  return chain.reduce<TokenRecord[]>(
    (tokens, path) => [...tokens.slice(0, path.index), ...(own(path.branch) ?? [])],
    [],
  );
}
