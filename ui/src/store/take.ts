import { textOf } from "@/lib/paths";
import type { AnswerPath } from "@/types";
import { addMessage, answerOf, persist, setAnswer, setMessage, setTree, treeOf, useChats } from "./chats";
import { db, replaceTokens } from "./db";
import { newMessage } from "./generation";
import type { AnswerInfo, Message } from "./model";
import { pathTokens } from "./paths";
import { underWay } from "./status";

/**
 * Makes a path the answer: the next message goes on from it. Where messages hang on the answer as it is, they keep it, and
 * the path becomes a version beside it. Throws where the path's tokens are not there any more.
 */
export async function takePath(message: Message, branch: number): Promise<void> {
  const tree = treeOf(useChats.getState(), message);
  const path = tree?.paths.find((one) => one.branch === branch);
  if (!tree || !path || !message.answer || tree.shown === branch || underWay(message.answer)) return;
  const tokens = await pathTokens(message.id, tree, branch);
  const content = textOf(tree, branch);
  const answer = { ...message.answer, ...fateOf(path) };
  const messages = useChats.getState().messages[message.conversationId] ?? {};
  if (Object.values(messages).some(({ parentId }) => parentId === message.id)) {
    const fork = { from: message.id, index: path.index };
    const info = { ...answer, fork, tree: undefined };
    const rest = { role: "assistant", content, answer: info } as const;
    const version = newMessage(message.conversationId, message.parentId, rest);
    setAnswer(answerOf(version, tokens));
    addMessage(version);
    await persist(replaceTokens(version.id, tokens));
    return;
  }
  const shown = { ...tree, shown: branch };
  const next = { ...message, content, answer: { ...answer, tree: shown } };
  setMessage(next);
  setAnswer(answerOf(next, tokens));
  if (useChats.getState().trees[message.id]) setTree(message.id, shown);
  await persist(
    db.transaction("rw", db.messages, db.traces, async () => {
      if (await db.messages.update(message.id, { content, answer: next.answer }))
        await replaceTokens(message.id, tokens);
    }),
  );
}

/** What an answer says of itself that ended as a path did. */
function fateOf({ finishReason }: AnswerPath): Pick<AnswerInfo, "status" | "finishReason" | "error"> {
  if (finishReason === "stop" || finishReason === "length")
    return { status: "done", finishReason, error: null };
  return { status: "stopped", finishReason: null, error: null };
}
