"""How much memory a process has, by files of Linux in a folder; and weights that are larger."""

import json
import math
import struct

import mlx.core as mx
import pytest

from mlx_entropix.errors import WeightsError
from mlx_entropix.memory import free_memory, total_memory
from mlx_entropix.model.load import load_model
from tests.model.checkpoints import BASE

MB = 1024 * 1024
on_a_cpu = pytest.mark.skipif(
    mx.default_device().type != mx.DeviceType.cpu, reason="a GPU says itself what it has"
)


def machine(root, cgroup: str, **files: str):
    """A file system with this text of /proc/self/cgroup, and files of the tree of groups."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    (root / "proc/meminfo").write_text("MemTotal: 99 kB\nMemAvailable: 4194304 kB\n")
    for path, text in files.items():
        (root / "sys/fs/cgroup" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "sys/fs/cgroup" / path).write_text(text)
    return root


@on_a_cpu
def test_a_container_has_what_its_group_allows(tmp_path):
    v2 = {
        "memory.max": f"{800 * MB}\n",
        "memory.current": f"{500 * MB}\n",
        "memory.stat": f"anon 1\ninactive_file {100 * MB}\n",
    }
    root = machine(tmp_path / "2", "0::/\n", **v2)
    assert total_memory(root) == 800 * MB
    assert free_memory(root) == pytest.approx(400 * MB + mx.get_cache_memory(), abs=MB)

    v1 = {  # Docker shows the machine's path, and the container's group as the whole tree
        "memory/memory.limit_in_bytes": f"{600 * MB}\n",
        "memory/memory.usage_in_bytes": f"{500 * MB}\n",
        "memory/memory.stat": "cache 5\ntotal_inactive_file 0\n",
    }
    root = machine(tmp_path / "1", "5:cpu:/docker/ab\n4:memory:/docker/ab\n0::/\n", **v1)
    assert total_memory(root) == 600 * MB
    assert free_memory(root) == pytest.approx(100 * MB + mx.get_cache_memory(), abs=MB)


@on_a_cpu
def test_the_tightest_of_nested_groups_counts(tmp_path):
    files = {
        "system.slice/memory.max": f"{700 * MB}",
        "system.slice/memory.current": f"{650 * MB}",
        "system.slice/a.service/memory.max": "max",
        "system.slice/a.service/memory.current": f"{10 * MB}",
    }
    root = machine(tmp_path, "0::/system.slice/a.service\n", **files)
    assert total_memory(root) == 700 * MB
    assert free_memory(root) == pytest.approx(50 * MB + mx.get_cache_memory(), abs=MB)


@on_a_cpu
def test_without_a_limit_the_machine_counts(tmp_path):
    root = machine(tmp_path, "0::/\n", **{"memory.max": "max\n", "memory.current": "5\n"})
    assert free_memory(root) == pytest.approx(4096 * MB + mx.get_cache_memory(), abs=MB)
    assert total_memory(root) == total_memory(tmp_path / "nowhere")


def test_weights_that_cannot_fit_are_refused_before_they_are_read(tmp_path):
    """A terabyte, of which the disk has the header alone."""
    width, words = 1 << 16, 1 << 22
    config = BASE | {"hidden_size": width, "vocab_size": words, "num_hidden_layers": 1}
    config |= {"intermediate_size": 64, "num_attention_heads": 64, "num_key_value_heads": 1}
    layer = "model.layers.0"
    shapes = {
        "model.embed_tokens": (words, width),
        "model.norm": (width,),
        f"{layer}.input_layernorm": (width,),
        f"{layer}.post_attention_layernorm": (width,),
        f"{layer}.self_attn.q_proj": (width, width),
        f"{layer}.self_attn.k_proj": (width // 64, width),
        f"{layer}.self_attn.v_proj": (width // 64, width),
        f"{layer}.self_attn.o_proj": (width, width),
        f"{layer}.mlp.gate_proj": (64, width),
        f"{layer}.mlp.up_proj": (64, width),
        f"{layer}.mlp.down_proj": (width, 64),
    }
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[f"{name}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"^Huge takes 11\d\d\.\d GB .*, and \d+\.\d GB of mem"):
        load_model(tmp_path, "Huge")
