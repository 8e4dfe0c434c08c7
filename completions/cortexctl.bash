# Made from the commands by `cortexctl completion bash`; not to be edited.
_cortexctl_at() {
    case "$1" in
        "")
            commands="explain version demo completion ring bucket journal"
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
        "ring")
            commands="list show check diff snapshot owners tokens forget restore watch"
            options="--help"
            valued=""
            ;;
        "ring list")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of"
            ;;
        "ring show")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of"
            ;;
        "ring check")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --fail-on --only --ignore --earlier --token-file --expect --all --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --fail-on --only --ignore --earlier --token-file --expect"
            ;;
        "ring diff")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of"
            ;;
        "ring snapshot")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --force --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of"
            ;;
        "ring owners")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --block --token --series --rule-group -t --tenant --shard-size --lookback --operation --shard-by-all-labels --no-shard-by-all-labels --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --block --token --series --rule-group -t --tenant --shard-size --lookback --operation"
            ;;
        "ring tokens")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --ring --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --ring"
            ;;
        "ring forget")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --journal-dir --older-than --max --force-quorum --force-stuck --force-healthy --unhealthy --verify-for --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --plan-out --max-changes --max-bytes --journal-dir --older-than --max --verify-for"
            ;;
        "ring restore")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --journal-dir --from --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --plan-out --max-changes --max-bytes --journal-dir --from"
            ;;
        "ring watch")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --fields --sort --no-headers --as-of -q --quiet --interval --for --help"
            valued="-s --source --config.file --from-live --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --fields --sort --as-of --interval --for"
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
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --fields --sort --as-of --lock-settle --journal-dir"
            ;;
        "journal resume")
            commands=""
            options="-b --bucket --config.file --config.expand-env --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --fields --sort --as-of --lock-settle --journal-dir"
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
    local command= commands= options= valued= position=0 each i
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
        elif [[ $each != -* ]]; then
            ((position++))
        fi
    done
    case "$command $previous" in
        *" -o" | *" --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml"
            return
            ;;
        *" -s" | *" --source" | *" --config.file" | *" --from-live" | *" --password-file" | *" --bearer-token-file" | *" --tls-ca-file" | *" --tls-cert-file" | *" --tls-key-file" | *" --earlier" | *" --token-file" | *" --plan-out" | *" --journal-dir" | *" --from" | *" -b" | *" --bucket" | *" --runtime-config.file" | *" --objstore.config-file")
            _cortexctl_reply -f
            return
            ;;
        *" --fail-on")
            _cortexctl_reply -W "critical high warning info"
            return
            ;;
        "ring check --only" | "ring check --ignore")
            _cortexctl_reply -W "RNG RNG01 RNG02 RNG03 RNG04 RNG05 RNG06 RNG07 RNG08 RNG09 RNG10 RNG11 RNG12 RNG13 RNG14 RNG15 RNG16 RNG17 RNG18 RNG19 RNG20 RNG21 RNG22 RNG23 RNG24 RNG25 RNG26 RNG27 RNG28 RNG29 RNG30 RNG31 RNG32 RNG33 RNG34 RNG35 RNG36 RNG37 RNG38 RNG39 RNG40 RNG41 RNG42 RNG43 RNG44 RNG45 RNG46"
            return
            ;;
        "bucket index check --only" | "bucket index check --ignore")
            _cortexctl_reply -W "IDX POI IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06"
            return
            ;;
        *" --ring")
            _cortexctl_reply -W "ingester distributor store-gateway compactor ruler alertmanager parquet-converter"
            return
            ;;
        "ring forget --apply" | "ring restore --apply" | "bucket index rebuild --apply")
            [[ $word == -* ]] || { _cortexctl_reply -f; return; }
            ;;
        *" --storage-driver")
            _cortexctl_reply -W "auto obstore s3fs gcsfs adlfs"
            return
            ;;
        *" --state")
            _cortexctl_reply -W "complete marked partial broken ghost"
            return
            ;;
    esac
    if [[ " $valued " == *" $previous "* ]]; then
        return
    elif [[ $word == -* ]]; then
        _cortexctl_reply -W "$options"
    elif [[ $commands ]]; then
        _cortexctl_reply -W "$commands"
    else
        case "$command $position" in
            "explain 0")
                _cortexctl_reply -W "IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06 RNG01 RNG02 RNG03 RNG04 RNG05 RNG06 RNG07 RNG08 RNG09 RNG10 RNG11 RNG12 RNG13 RNG14 RNG15 RNG16 RNG17 RNG18 RNG19 RNG20 RNG21 RNG22 RNG23 RNG24 RNG25 RNG26 RNG27 RNG28 RNG29 RNG30 RNG31 RNG32 RNG33 RNG34 RNG35 RNG36 RNG37 RNG38 RNG39 RNG40 RNG41 RNG42 RNG43 RNG44 RNG45 RNG46"
                ;;
            "demo 0" | "ring snapshot 0" | "ring tokens "*)
                _cortexctl_reply -f
                ;;
            "completion 0")
                _cortexctl_reply -W "bash zsh fish"
                ;;
            "ring list "* | "ring show 0" | "ring check "* | "ring diff 0" | "ring snapshot "* | "ring owners 0" | "ring forget 0" | "ring restore 0" | "ring watch 0")
                _cortexctl_reply -W "ingester distributor store-gateway compactor ruler alertmanager parquet-converter"
                ;;
        esac
    fi
}
complete -F _cortexctl cortexctl
