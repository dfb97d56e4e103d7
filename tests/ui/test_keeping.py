"""What the browser keeps: through reloads, files, and a server that dies."""

import json

from playwright.sync_api import expect

from tests.server.running import Server, await_start, launch


def test_a_reload_in_the_middle_of_an_answer_keeps_what_had_arrived(open_page):
    chat = open_page(max_tokens=300, seed=3)
    chat.send("Tell a long story about a lighthouse keeper.")
    chat.wait_tokens(12)
    seen = chat.texts()
    chat.page.wait_for_timeout(1000)  # it is written twice a second
    chat.page.reload()
    expect(chat.answer).to_have_attribute("data-status", "interrupted")
    expect(chat.answer).to_contain_text("The page was closed while this was being written.")
    kept = chat.texts()
    assert kept[: len(seen)] == seen
    assert len(kept) < 300
    chat.button("Continue").click()
    chat.wait_tokens(len(kept) + 2)
    chat.button("Stop").click()
    assert chat.texts()[: len(kept)] == kept
    # With its metrics: the card of a token that was stored.
    expect(chat.pick(3)).to_contain_text("Entropy")


def test_exported_and_imported_in_another_browser(open_page, tmp_path):
    chat = open_page(max_tokens=12)
    chat.ask()
    chat.answer.hover()
    chat.button("Regenerate").click()
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")
    chat.wait_done()
    texts = chat.texts()
    with chat.page.expect_download() as download:
        chat.button("Export all conversations").click()
    file = tmp_path / "conversations.json"
    download.value.save_as(file)
    exported = json.loads(file.read_text())
    assert len(exported["conversations"][0]["messages"]) == 3

    other = open_page()
    choose(other, file)
    expect(other.page.get_by_text("Imported one conversation.")).to_be_visible()
    expect(other.tokens()).to_have_count(len(texts))
    assert other.texts() == texts
    expect(other.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")
    expect(other.pick(2)).to_contain_text("Entropy")
    other.page.reload()
    expect(other.tokens()).to_have_count(len(texts))

    # A file that is something else is refused in a sentence, and nothing is lost.
    file.write_text('{"format": "something else"}')
    choose(other, file)
    expect(other.page.get_by_text("This file holds no conversations")).to_be_visible()
    expect(other.tokens()).to_have_count(len(texts))


def choose(chat, file) -> None:
    with chat.page.expect_file_chooser() as chooser:
        chat.button("Import conversations").click()
    chooser.value.set_files(file)


def test_a_server_killed_in_the_middle_of_an_answer_and_started_again(open_page, dist, tmp_path):
    options = ["--ui_dir", str(dist)]
    server = launch(tmp_path / "log", *options)
    try:
        await_start(server)
        chat = open_page(server.url, max_tokens=300, seed=3)
        chat.send("Tell a long story about a lighthouse keeper.")
        chat.wait_tokens(5)
        chat.offline_expected = True
        server.process.kill()
        server.process.wait()
        expect(chat.answer).to_have_attribute("data-status", "failed")
        expect(chat.answer).to_contain_text("What had arrived is kept.")
        banner = chat.page.get_by_text("The server is not answering. Your conversations are kept")
        expect(banner).to_be_visible()
        expect(chat.page.get_by_role("banner").get_by_role("status")).to_have_text("offline")
        kept = chat.texts()
        assert 5 <= len(kept) < 300
        chat.composer.fill("And then?")
        expect(chat.button("Send")).to_be_disabled()

        port = server.url.rsplit(":", 1)[1]
        again = launch(tmp_path / "log2", *options, "--port", port)
        server = Server(again.process, server.url, again.log)
        await_start(server)
        expect(chat.page.get_by_role("banner").get_by_role("status")).to_have_text("ready")
        expect(banner).to_have_count(0)
        expect(chat.composer).to_have_value("And then?")
        chat.offline_expected = False
        chat.button("Continue").click()
        chat.wait_tokens(len(kept) + 3)
        chat.button("Stop").click()
        # What is being written stays unsent.
        expect(chat.answers).to_have_count(1)
        expect(chat.answer).to_have_attribute("data-status", "stopped")
        expect(chat.composer).to_have_value("And then?")
        assert chat.texts()[: len(kept)] == kept
    finally:
        server.process.kill()
        server.process.wait()
