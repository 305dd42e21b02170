"""Completion in bash, also after `python starter.py`; importing it costs little."""

import shlex
import sys
from pathlib import Path
from typing import Any, ClassVar

from click.shell_completion import BashComplete, add_completion_class

VARIABLE = "_STARTER_COMPLETE"
"""The variable by which the shell asks for completions."""

SCRIPT = """\
%(complete_func)s() {
    local -a words=("${COMP_WORDS[@]}")
    local cword=$COMP_CWORD response completion IFS=$' \\t\\n'
    if [[ ${words[0]##*/} != starter.py ]]; then
        if [[ $cword -lt 2 || ${words[1]##*/} != starter.py ]]; then
            # Python with another program: complete as before.
            local before=${%(complete_func)s_before[${1##*/}]}
            if [[ -n $before ]]; then "$before" "$@"; fi
            return
        fi
        words=("${words[@]:1}")
        cword=$((cword - 1))
    fi
    response=$(COMP_WORDS="${words[*]}" COMP_CWORD=$cword %(complete_var)s=bash_complete \
%(prog_name)s 2>/dev/null)
    COMPREPLY=()
    while IFS= read -r completion; do
        case $completion in
            plain,*) COMPREPLY+=("${completion#*,}") ;;
            file,* | dir,*) compopt -o default ;;
        esac
    done <<< "$response"
}

%(complete_func)s_setup() {
    local program
    declare -gA %(complete_func)s_before
    for program in python python3; do
        if [[ $(complete -p "$program" 2>/dev/null) =~ -F\\ ([^ ]+) && \
${BASH_REMATCH[1]} != %(complete_func)s ]]; then
            %(complete_func)s_before[$program]=${BASH_REMATCH[1]}
        fi
        complete -o default -o nosort -F %(complete_func)s "$program"
    done
    complete -o nosort -F %(complete_func)s starter.py
}

%(complete_func)s_setup
"""


@add_completion_class
class StarterComplete(BashComplete):
    """Completes the arguments of the starter, whichever way it is called."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = SCRIPT

    @property
    def func_name(self) -> str:
        return "_starter_completion"

    def source_vars(self) -> Any:
        # By its whole path: the shell may stand in another folder later.
        program = shlex.join([sys.executable, str(Path(sys.argv[0]).resolve())])
        return super().source_vars() | {"prog_name": program}
