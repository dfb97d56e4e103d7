#!/usr/bin/env bash
# Tests and benchmarks on a machine with a GPU and no network.
#
#   benchmarks/device.sh pack FOLDER [PRESENT]   with a network: the code, this script and all wheels go into FOLDER
#   bash FOLDER/device.sh COMMAND [arguments]    on that machine, as often as you like; the first time it sets up
#
#   answer      what is the capital of France?       tests    those that need no browser; arguments go to pytest
#   benchmarks  decode, rows, spans, or those named  python   Python, with all that was set up
#
# PRESENT is a file of packages, a name a line, that the Python there has already and that stay behind. Variables:
# EXTRA is the backend (cuda), DEVICE_PYTHON the version of Python there (3.12), PYTHON its command (python3).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

pack() {
  local folder present version="${DEVICE_PYTHON:-3.12}" n
  local platforms=(--platform manylinux2014_x86_64 --platform manylinux1_x86_64)
  for n in {5..39}; do platforms+=(--platform "manylinux_2_${n}_x86_64"); done # pip takes no range
  mkdir -p "$1/code" "$1/wheels"
  folder="$(realpath "$1")" present="$(realpath "${2:-/dev/null}")"
  cd "$here/.."
  git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$folder/code"
  cp benchmarks/device.sh "$folder/"
  uv export --quiet --locked --no-default-groups --group dev --group bundled --extra "${EXTRA:-cuda}" \
    --no-hashes --no-emit-project --output-file "$folder/locked.txt"
  # The locked versions, less what is for other platforms, less what is there.
  uv pip compile --quiet --no-deps --no-header --no-annotate --python-version "$version" \
    --python-platform x86_64-manylinux_2_39 "$folder/locked.txt" |
    awk -F== 'FILENAME != "-" { present[$1]; next } !($1 in present)' "$present" - >"$folder/wheels.txt"
  uv run --no-project --quiet --with pip python -m pip download --quiet --no-deps --only-binary=:all: \
    --implementation cp --python-version "$version" "${platforms[@]}" \
    --dest "$folder/wheels" --requirement "$folder/wheels.txt"
  du -sh "$folder"/*
}

set_up() {
  local site="$here/site" nvidia
  python="${PYTHON:-python3}"
  if [ ! -d "$site" ]; then
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-warn-script-location \
      --target "$site.part" "$here"/wheels/*.whl
    # MLX looks for NVIDIA's libraries beside itself. Where they stayed behind, they are the other Python's.
    nvidia="$("$python" -c 'import nvidia; print(*nvidia.__path__)' 2>/dev/null || true)"
    if [ ! -e "$site.part/nvidia" ] && [ -n "$nvidia" ]; then ln -s "$nvidia" "$site.part/nvidia"; fi
    mv "$site.part" "$site"
  fi
  export PYTHONPATH="$site:$here/code" HF_HUB_OFFLINE=1
  cd "$here/code"
}

command="${1:?say what to do: pack, answer, tests, benchmarks or python}"
shift
case "$command" in
  pack)
    pack "$@"
    ;;
  answer)
    set_up
    "$python" mlx_main.py --input "What is the capital of France?" "$@"
    ;;
  tests)
    set_up
    "$python" -m pytest --ignore tests/ui "$@"
    ;;
  benchmarks)
    set_up
    if [ $# -eq 0 ]; then set -- decode rows spans; fi
    for name in "$@"; do "$python" -m "benchmarks.$name"; done
    ;;
  python)
    set_up
    "$python" "$@"
    ;;
  *)
    echo "There is no command $command: pack, answer, tests, benchmarks or python." >&2
    exit 2
    ;;
esac
