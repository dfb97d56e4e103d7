import { Menu } from "@base-ui/react/menu";
import clsx from "clsx";
import { Download, Ellipsis, Pencil, Trash2 } from "lucide-react";
import { IconButton } from "@/kit/controls";
import { download, fileName } from "@/kit/files";
import { attempt, notify } from "@/kit/notices";
import { removeConversation } from "@/store/chats";
import { stopConversation } from "@/store/generation";
import type { Conversation } from "@/store/model";
import { goTo } from "@/store/route";
import { exportConversations, importConversations } from "@/store/transfer";

const itemLook =
  "flex h-8 cursor-pointer items-center gap-2 rounded-md px-2 text-sm outline-none data-highlighted:bg-line/70";

async function exportOne(conversation: Conversation): Promise<void> {
  download(fileName(conversation.title, "json"), await exportConversations([conversation.id]));
}

/** Deleting can be taken back for some seconds: it is exported to memory first. */
async function remove(conversation: Conversation, current: boolean): Promise<void> {
  stopConversation(conversation.id);
  const copy = await exportConversations([conversation.id]);
  await removeConversation(conversation.id);
  if (current) goTo(null);
  notify("Conversation deleted.", "plain", {
    label: "Undo",
    run: () => void attempt(async () => goTo((await importConversations(copy))[0] ?? null)),
  });
}

/** What can be done with one conversation of the list. */
export default function RowMenu({
  conversation,
  current,
  rename,
}: {
  conversation: Conversation;
  current: boolean;
  rename: () => void;
}) {
  return (
    <Menu.Root>
      <Menu.Trigger
        render={
          <IconButton
            icon={Ellipsis}
            label={`Actions for ${conversation.title}`}
            className="size-7! opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 data-popup-open:opacity-100 pointer-coarse:opacity-100"
          />
        }
      />
      <Menu.Portal>
        <Menu.Positioner className="z-60" align="end" sideOffset={4}>
          <Menu.Popup className="w-40 rounded-lg border border-line bg-raised p-1 shadow-float outline-none">
            <Menu.Item className={itemLook} onClick={rename}>
              <Pencil size={14} aria-hidden /> Rename
            </Menu.Item>
            <Menu.Item className={itemLook} onClick={() => void attempt(() => exportOne(conversation))}>
              <Download size={14} aria-hidden /> Export
            </Menu.Item>
            <Menu.Item
              className={clsx(itemLook, "text-danger")}
              onClick={() => void attempt(() => remove(conversation, current))}
            >
              <Trash2 size={14} aria-hidden /> Delete
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
