"""The sampler panel, and what it makes of the request."""

import json

from playwright.sync_api import expect

from mlx_entropix import PRESETS
from tests.ui.chat_page import PROMPT


def test_a_slider_a_number_biases_and_a_preset_reach_the_request(chat):
    panel = chat.tab("Sampler")
    field = panel.locator('[data-field="temperature"]')
    slider = field.get_by_role("slider")
    before = PRESETS["entropix"].temperature
    slider.focus()
    for _ in range(10):
        chat.page.keyboard.press("ArrowRight")
    expect(field).to_contain_text("changed")
    chosen = float(slider.get_attribute("aria-valuetext"))
    assert chosen > before
    bar = chat.page.get_by_role("banner")
    expect(bar.get_by_role("button", name="entropix changed")).to_be_visible()
    panel.get_by_text("Penalties and filters").click()
    biases = panel.get_by_role("textbox", name="Token biases")
    biases.fill("504=-100\n28 = 2.5\nTokyo")
    expect(panel.get_by_role("alert")).to_contain_text("“Tokyo”")
    biases.fill("504=-100\n28 = 2.5")
    expect(biases).to_have_value("504=-100\n28 = 2.5")
    sent = chat.request_after(chat.send)
    assert sent["sampler"] == "entropix"
    assert sent["sampler_config"] == {"temperature": chosen}
    assert sent["logit_bias"] == {"504": -100, "28": 2.5}
    chat.wait_done()
    expect(chat.answer).to_contain_text("entropix (changed)")

    # What cannot be is said beside the field, and not sent.
    number = field.get_by_role("textbox")
    number.fill("-3")
    expect(field.get_by_role("alert")).to_be_visible()
    number.fill("0.25")
    expect(field.get_by_role("alert")).to_have_count(0)

    # The file is the one that the command line reads, and it comes back in.
    with chat.page.expect_download() as download:
        chat.button("Export", panel).click()
    path = download.value.path()
    assert json.loads(path.read_text())["temperature"] == 0.25
    chat.button("Reset Temperature", field).click()
    expect(field).not_to_contain_text("changed")
    with chat.page.expect_file_chooser() as chooser:
        chat.button("Import", panel).click()
    chooser.value.set_files(path)
    expect(number).to_have_value("0.25")

    # Another preset, another schema; biases stay until they are taken back. The dice makes a seed.
    chat.button("Reset Token biases", panel).click()
    panel.get_by_role("combobox", name="Sampler").select_option("normal")
    seed = panel.get_by_role("textbox", name="Seed")
    chat.button("Roll a seed and keep it", panel).click()
    value = int(seed.input_value())
    sent = chat.request_after(chat.send)
    assert (sent["sampler"], sent["seed"]) == ("normal", value)
    assert "sampler_config" not in sent
    chat.wait_done()
    expect(chat.answer).to_contain_text(f"normal · seed {value}")
    names = chat.tokens().evaluate_all("all => all.map(one => one.dataset.name)")
    assert set(names) == {None}

    # It is kept with the conversation, whatever the next one is set to.
    chat.page.reload()
    expect(bar.get_by_role("button", name="normal")).to_be_visible()
    expect(seed).to_have_value(str(value))
    chat.button("New").click()
    expect(chat.answers).to_have_count(0)
    panel.get_by_role("combobox", name="Sampler").select_option("frog")
    expect(bar.get_by_role("button", name="frog")).to_be_visible()
    chat.page.get_by_role("link", name=PROMPT).click()
    expect(bar.get_by_role("button", name="normal")).to_be_visible()


def test_auto_says_what_it_was_fitted_to_or_how_to_fit_it(open_page):
    chat = open_page(sampler="auto")
    real = chat.page.request.get(f"{chat.url.rstrip('/')}/v1/samplers").json()
    presets = real["presets"] | {"auto": real["presets"]["entropix"] | {"temperature": 0.5}}
    fitted = {"model": "SmolLM2-135M-Instruct", "date": "2026-11-25", "shares": {"FLOWING": 0.4}}
    panel = chat.page.get_by_role("tabpanel", name="Sampler")
    for fit, name, note in (
        (fitted, "auto – fitted to SmolLM2-135M-Instruct", "2026-11-25"),
        (
            None,
            "auto – not fitted to this model: the published thresholds",
            "mlx-entropix calibrate",
        ),
    ):
        body = real | {
            "presets": presets,
            "default": "auto",
            "config": presets["auto"],
            "fitted": fit,
        }
        chat.page.route("**/v1/samplers", answering(body))
        chat.page.reload()
        chat.tab("Sampler")
        expect(panel.get_by_role("combobox", name="Sampler")).to_have_value("auto")
        expect(panel.get_by_role("option", name=name)).to_be_attached()
        expect(panel).to_contain_text(note)
        expect(panel.locator('[data-field="temperature"]').get_by_role("textbox")).to_have_value(
            "0.5"
        )
        chat.page.unroute("**/v1/samplers")


def answering(body: dict):
    return lambda route: route.fulfill(json=body)
