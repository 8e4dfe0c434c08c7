# Prints what zsh offers for each line: zsh -f zsh_offers.zsh COMPLETION-SCRIPT LINE...
# An interactive zsh runs in a terminal of its own, sources this file too, and is asked by the tab key. There, compadd
# says what it is given to offer, each match after a \x01; a \x02 is said before all of them, and a \x03 after.
if [[ $1 == --inside ]]; then
    unset zle_bracketed_paste
    PROMPT= RPROMPT= PS2=
    setopt no_list_beep no_beep
    autoload -Uz compinit
    compinit -u -D
    source $2
    zstyle ':completion:*' insert-tab false
    bindkey '^I' complete-word
    bindkey '^U' kill-whole-line
    zmodload zsh/zutil
    compadd() {
        if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
            builtin compadd "$@"
            return
        fi
        local -a hits prefix
        local each
        builtin compadd -A hits "$@"
        zparseopts -E p:=prefix
        for each in $hits; do
            print -r -- $'\x01'$IPREFIX${prefix[2]}$each
        done
        return $(( ! $#hits ))
    }
    offers_before() { print -rn -- $'\x02'; compprefuncs=(offers_before) }
    offers_after() { print -rn -- $'\x03'; comppostfuncs=(offers_after) }
    compprefuncs=(offers_before)
    comppostfuncs=(offers_after)
    print -r -- ready-$(( 1 + 1 ))
    return
fi
zmodload zsh/zpty
zpty offers zsh -f -i
zpty -w offers "stty -echo; source ${(q)0:a} --inside ${(q)1}"
zpty -r offers answer '*ready-2*'
shift
for line; do
    zpty -w -n offers $line$'\t'
    zpty -r offers answer $'*\x02*\x03'
    print -r -- "= $line"
    for each in ${(f)answer}; do
        [[ $each == *$'\x01'* ]] && print -r -- ${${each##*$'\x01'}%$'\r'}
    done
    zpty -w -n offers $'\025'
done
zpty -d offers
