# Sourced by the other scripts: `ensure_venv EXTRA PACKAGE...` makes .venv with any Python 3.11 to 3.14 found, installs this
# checkout (editable) with the extra and the packages, and sets $PYTHON. A second call with nothing changed does nothing.

candidates() {
    printf '%s\n' "${MILLSTREAM_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python
    ls -d "$HOME"/.pyenv/versions/3.1[1-4]*/bin/python 2>/dev/null || true
}

usable() { # a version we run on, that can make a virtual environment
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

find_python() {
    local each
    while read -r each; do
        if [ -n "$each" ] && usable "$each"; then echo "$each"; return; fi
    done < <(candidates)
    echo "Millstream needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module; none was found on PATH." >&2
    echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name one: MILLSTREAM_PYTHON=/path/to/python3.12 $0" >&2
    return 1
}

ensure_venv() {
    local extra=$1 base stamp want
    shift
    PYTHON=.venv/bin/python
    if ! usable "$PYTHON"; then
        base=$(find_python)
        echo "making .venv with $("$base" --version) ($base)"
        rm -rf .venv
        "$base" -m venv .venv
    fi
    stamp=.venv/.installed-$extra
    want=$("$PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(open("pyproject.toml", "rb").read()).hexdigest(), *sys.argv[1:])' "$PWD" "$@")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
        echo "installing millstream[$extra] $*"
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable ".[$extra]" "$@"
        echo "$want" >"$stamp"
    fi
}
