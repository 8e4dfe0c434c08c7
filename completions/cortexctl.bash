# Made from the commands by `cortexctl completion bash`; not to be edited.
_cortexctl_at() {
    case "$1" in
        "")
            commands="explain version demo completion bucket journal"
            options="--help"
            valued=""
            ;;
        "explain")
            commands=""
            options="--help"
            valued=""
            ;;
        "version")
            commands=""
            options="-o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-o --output --fields --sort --as-of"
            ;;
        "demo")
            commands=""
            options="--run --no-run --help"
            valued=""
            ;;
        "completion")
            commands=""
            options="--help"
            valued=""
            ;;
        "bucket")
            commands="tenants ls inspect index"
            options="--help"
            valued=""
            ;;
        "bucket tenants")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --fast --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of -t --tenant --user"
            ;;
        "bucket ls")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --state --level --min-time --max-time --min-size --label --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of -t --tenant --user --exclude-tenant --state --level --min-time --max-time --min-size --label"
            ;;
        "bucket inspect")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of"
            ;;
        "bucket index")
            commands="show check diff rebuild"
            options="--help"
            valued=""
            ;;
        "bucket index show")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of"
            ;;
        "bucket index check")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --fail-on --only --ignore -t --tenant --user --exclude-tenant --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of --fail-on --only --ignore -t --tenant --user --exclude-tenant"
            ;;
        "bucket index diff")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of -t --tenant --user --exclude-tenant"
            ;;
        "bucket index rebuild")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir -t --tenant --user --all-tenants --exclude-tenant --reuse --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir -t --tenant --user --exclude-tenant"
            ;;
        "journal")
            commands="ls show undo resume"
            options="--help"
            valued=""
            ;;
        "journal ls")
            commands=""
            options="-o --output --fields --sort --no-headers --as-of -q --quiet --journal-dir --help"
            valued="-o --output --fields --sort --as-of --journal-dir"
            ;;
        "journal show")
            commands=""
            options="-o --output --fields --sort --no-headers --as-of -q --quiet --journal-dir --help"
            valued="-o --output --fields --sort --as-of --journal-dir"
            ;;
        "journal undo")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of --lock-settle --journal-dir"
            ;;
        "journal resume")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --fields --sort --as-of --lock-settle --journal-dir"
            ;;
    esac
}

_cortexctl_reply() {
    mapfile -t COMPREPLY < <(compgen "$@" -- "$word")
    [[ $1 == -f ]] && compopt -o filenames 2> /dev/null
    return 0
}

_cortexctl() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command= commands= options= valued= each i
    COMPREPLY=()
    # To bash, `--output=json` is three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _cortexctl_at ""
    for ((i = 1; i < COMP_CWORD; i++)); do
        each=${COMP_WORDS[i]}
        if [[ " $valued " == *" $each "* ]]; then
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            ((i++))
        elif [[ " $commands " == *" $each "* ]]; then
            command="${command:+$command }$each"
            _cortexctl_at "$command"
        fi
    done
    case "$command $previous" in
        *" -o" | *" --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml"
            return
            ;;
        *" -b" | *" --bucket" | *" --config.file" | *" --runtime-config.file" | *" --objstore.config-file" | *" --plan-out" | *" --journal-dir")
            _cortexctl_reply -f
            return
            ;;
        *" --storage-driver")
            _cortexctl_reply -W "auto obstore s3fs gcsfs adlfs"
            return
            ;;
        *" --state")
            _cortexctl_reply -W "complete marked partial broken ghost"
            return
            ;;
        *" --fail-on")
            _cortexctl_reply -W "critical high warning info"
            return
            ;;
        *" --only" | *" --ignore")
            _cortexctl_reply -W "IDX POI IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06"
            return
            ;;
        "bucket index rebuild --apply")
            [[ $word == -* ]] || { _cortexctl_reply -f; return; }
            ;;
    esac
    if [[ " $valued " == *" $previous "* ]]; then
        return
    elif [[ $word == -* ]]; then
        _cortexctl_reply -W "$options"
    elif [[ $commands ]]; then
        _cortexctl_reply -W "$commands"
    else
        case "$command" in
            "explain")
                _cortexctl_reply -W "IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06"
                ;;
            "demo")
                _cortexctl_reply -f
                ;;
            "completion")
                _cortexctl_reply -W "bash zsh fish"
                ;;
        esac
    fi
}
complete -F _cortexctl cortexctl
