# Made from the commands by `cortexctl completion bash`; not to be edited.
_cortexctl_at() {
    case "$1" in
        "")
            commands="doctor explain version demo completion ring bucket plan journal config"
            options="--help"
            valued=""
            ;;
        "doctor")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --k8s-namespace --k8s-context -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file -s --source -t --tenant --user --exclude-tenant --volume --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --k8s-namespace --k8s-context -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file -s --source -t --tenant --user --exclude-tenant --volume"
            ;;
        "explain")
            commands=""
            options="--help"
            valued=""
            ;;
        "version")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-o --output --output-file --fields --sort --as-of"
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
            commands="list show check diff snapshot owners tokens simulate forget restore drain watch"
            options="--help"
            valued=""
            ;;
        "ring list")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --max-series --metric-label"
            ;;
        "ring show")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --max-series --metric-label"
            ;;
        "ring check")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file --earlier --token-file --expect --all --watch-store --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file --earlier --token-file --expect --watch-store"
            ;;
        "ring diff")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of"
            ;;
        "ring snapshot")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --force --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of"
            ;;
        "ring owners")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --block --token --series --rule-group -t --tenant --shard-size --lookback --operation --shard-by-all-labels --no-shard-by-all-labels --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --block --token --series --rule-group -t --tenant --shard-size --lookback --operation"
            ;;
        "ring tokens")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --ring --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --ring"
            ;;
        "ring simulate")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --add --zone --remove --lose-zone -b --bucket -t --tenant --user --shard-size --blocks-per-minute --series --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --max-series --metric-label --add --zone --remove --lose-zone -b --bucket -t --tenant --user --shard-size --blocks-per-minute --series"
            ;;
        "ring forget")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --journal-dir --older-than --max --force-quorum --force-stuck --force-healthy --unhealthy --verify-for --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --journal-dir --older-than --max --verify-for"
            ;;
        "ring restore")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --journal-dir --from --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --journal-dir --from"
            ;;
        "ring drain")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --journal-dir --pod --http-port -b --bucket --no-bucket --runtime-config.file --all-at-once --wait --flush --force-quorum --readonly-since --verify-for --legacy --apply -y --yes --resume --rollback --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --journal-dir --pod --http-port -b --bucket --runtime-config.file --wait --readonly-since --verify-for --resume"
            ;;
        "ring watch")
            commands=""
            options="-s --source --config.file --config.expand-env --from-live --context --replication-factor --zone-awareness --no-zone-awareness --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --timeout --deadline --concurrency --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --interval --for --help"
            valued="-s --source --config.file --from-live --context --replication-factor --heartbeat-timeout --tokens --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --timeout --deadline --concurrency -o --output --output-file --fields --sort --as-of --interval --for"
            ;;
        "bucket")
            commands="tenants ls inspect why timeline check undelete quarantine retention cleanup snapshot diff index marks"
            options="--help"
            valued=""
            ;;
        "bucket tenants")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label -t --tenant --user --fast --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --max-series --metric-label -t --tenant --user"
            ;;
        "bucket ls")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant"
            ;;
        "bucket inspect")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of"
            ;;
        "bucket why")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --fail-on --only --ignore --baseline -s --source --replication-factor --zone-awareness --no-zone-awareness --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --fail-on --only --ignore --baseline -s --source --replication-factor"
            ;;
        "bucket timeline")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --level --min-time --since --max-time --until --min-gap --width --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant --level --min-time --since --max-time --until --min-gap --width"
            ;;
        "bucket check")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir -t --tenant --user --exclude-tenant --volume --fix --irreversible --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file --plan-out --max-changes --max-bytes --lock-settle --journal-dir -t --tenant --user --exclude-tenant --volume --fix"
            ;;
        "bucket undelete")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --force --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant"
            ;;
        "bucket quarantine")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir"
            ;;
        "bucket retention")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --retention --within --all --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant --retention --within"
            ;;
        "bucket cleanup")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir -t --tenant --user --all-tenants --exclude-tenant --what --older-than --pattern --directly --irreversible --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir -t --tenant --user --exclude-tenant --what --older-than --pattern"
            ;;
        "bucket snapshot")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --force --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant"
            ;;
        "bucket diff")
            commands=""
            options="--config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --help"
            valued="--config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant"
            ;;
        "bucket index")
            commands="show check diff rebuild"
            options="--help"
            valued=""
            ;;
        "bucket index show")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of"
            ;;
        "bucket index check")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file -t --tenant --user --exclude-tenant --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --start-jitter --lock-file -t --tenant --user --exclude-tenant"
            ;;
        "bucket index diff")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant"
            ;;
        "bucket index rebuild")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --start-jitter --lock-file --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir -t --tenant --user --all-tenants --exclude-tenant --reuse --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --start-jitter --lock-file --plan-out --max-changes --max-bytes --lock-settle --journal-dir -t --tenant --user --exclude-tenant"
            ;;
        "bucket marks")
            commands="ls migrate add rm"
            options="--help"
            valued=""
            ;;
        "bucket marks ls")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet -t --tenant --user --exclude-tenant --kind --drift --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of -t --tenant --user --exclude-tenant --kind"
            ;;
        "bucket marks migrate")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir -t --tenant --user --all-tenants --exclude-tenant --kind --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir -t --tenant --user --exclude-tenant --kind"
            ;;
        "bucket marks add")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --kind --details --reason --parquet-version --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --kind --details --reason --parquet-version"
            ;;
        "bucket marks rm")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --apply --plan-out -y --yes --max-changes --max-bytes --no-lock --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --kind --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests -o --output --output-file --fields --sort --as-of --plan-out --max-changes --max-bytes --lock-settle --journal-dir --state --level --min-time --max-time --min-size --label -t --tenant --user --exclude-tenant --kind"
            ;;
        "plan")
            commands="compaction disk store-gateway"
            options="--help"
            valued=""
            ;;
        "plan compaction")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --strategy --block-ranges --compaction-concurrency --replication-factor --compactors -s --source -t --tenant --user --exclude-tenant --until-done --left --rate --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --max-series --metric-label --strategy --block-ranges --compaction-concurrency --replication-factor --compactors -s --source -t --tenant --user --exclude-tenant --rate"
            ;;
        "plan disk")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --strategy --block-ranges --compaction-concurrency --replication-factor --compactors -s --source -t --tenant --user --exclude-tenant --volume --horizon --exact --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --strategy --block-ranges --compaction-concurrency --replication-factor --compactors -s --source -t --tenant --user --exclude-tenant --volume --horizon"
            ;;
        "plan store-gateway")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline -t --tenant --user --exclude-tenant -s --source --gateways --replication-factor --zone-awareness --no-zone-awareness --exact --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline -t --tenant --user --exclude-tenant -s --source --gateways --replication-factor"
            ;;
        "journal")
            commands="ls show undo resume"
            options="--help"
            valued=""
            ;;
        "journal ls")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers --as-of -q --quiet --journal-dir --help"
            valued="-o --output --output-file --fields --sort --as-of --journal-dir"
            ;;
        "journal show")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers --as-of -q --quiet --journal-dir --help"
            valued="-o --output --output-file --fields --sort --as-of --journal-dir"
            ;;
        "journal undo")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --lock-settle --journal-dir"
            ;;
        "journal resume")
            commands=""
            options="-b --bucket --config.file --config.expand-env --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --read-only --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure -o --output --output-file --fields --sort --no-headers --as-of -q --quiet --no-lock --lock-settle --journal-dir --apply --help"
            valued="-b --bucket --config.file --from-live --context --runtime-config.file --objstore.config --objstore.config-file --storage-driver --concurrency --timeout --deadline --max-requests --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name -o --output --output-file --fields --sort --as-of --lock-settle --journal-dir"
            ;;
        "config")
            commands="lint show use-context validate"
            options="--help"
            valued=""
            ;;
        "config lint")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers --as-of -q --quiet --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --tls-insecure --config.file --config.expand-env --from-live --context --cortex-version --timeout --help"
            valued="-o --output --output-file --fields --sort --as-of --max-series --metric-label --webhook --pushgateway --fail-on --only --ignore --baseline --history --header --username --password-file --bearer-token-file --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --config.file --from-live --context --cortex-version --timeout"
            ;;
        "config show")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers -q --quiet --context --help"
            valued="-o --output --output-file --fields --sort --context"
            ;;
        "config use-context")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers -q --quiet --help"
            valued="-o --output --output-file --fields --sort"
            ;;
        "config validate")
            commands=""
            options="-o --output --output-file --fields --sort --no-headers -q --quiet --help"
            valued="-o --output --output-file --fields --sort"
            ;;
    esac
}

_cortexctl_names() {
    local file=${XDG_CACHE_HOME:-$HOME/.cache}/cortexctl/$1
    [[ -r $file ]] && _cortexctl_reply -W "$(< "$file")"
    return 0
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
        *" -b" | *" --bucket" | *" --config.file" | *" --from-live" | *" --runtime-config.file" | *" --objstore.config-file" | *" --password-file" | *" --bearer-token-file" | *" --tls-ca-file" | *" --tls-cert-file" | *" --tls-key-file" | *" --output-file" | *" --webhook" | *" --pushgateway" | *" --baseline" | *" --history" | *" --lock-file" | *" -s" | *" --source" | *" --earlier" | *" --token-file" | *" --plan-out" | *" --journal-dir" | *" --from")
            _cortexctl_reply -f
            return
            ;;
        *" --context")
            _cortexctl_names contexts
            return
            ;;
        *" --storage-driver")
            _cortexctl_reply -W "auto obstore s3fs gcsfs adlfs"
            return
            ;;
        "doctor -o" | "ring check -o" | "bucket check -o" | "bucket index check -o" | "plan disk -o" | "plan store-gateway -o" | "config lint -o" | "doctor --output" | "ring check --output" | "bucket check --output" | "bucket index check --output" | "plan disk --output" | "plan store-gateway --output" | "config lint --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml html prom junit sarif github"
            return
            ;;
        "version -o" | "bucket inspect -o" | "bucket why -o" | "config use-context -o" | "version --output" | "bucket inspect --output" | "bucket why --output" | "config use-context --output")
            _cortexctl_reply -W "table wide json ndjson yaml html"
            return
            ;;
        "ring list -o" | "ring show -o" | "ring simulate -o" | "bucket tenants -o" | "plan compaction -o" | "ring list --output" | "ring show --output" | "ring simulate --output" | "bucket tenants --output" | "plan compaction --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml html prom"
            return
            ;;
        "ring diff -o" | "ring snapshot -o" | "ring owners -o" | "ring tokens -o" | "ring forget -o" | "ring restore -o" | "ring drain -o" | "bucket ls -o" | "bucket undelete -o" | "bucket quarantine -o" | "bucket retention -o" | "bucket cleanup -o" | "bucket snapshot -o" | "bucket diff -o" | "bucket index show -o" | "bucket index diff -o" | "bucket index rebuild -o" | "bucket marks ls -o" | "bucket marks migrate -o" | "bucket marks add -o" | "bucket marks rm -o" | "journal ls -o" | "journal show -o" | "journal undo -o" | "journal resume -o" | "config show -o" | "config validate -o" | "ring diff --output" | "ring snapshot --output" | "ring owners --output" | "ring tokens --output" | "ring forget --output" | "ring restore --output" | "ring drain --output" | "bucket ls --output" | "bucket undelete --output" | "bucket quarantine --output" | "bucket retention --output" | "bucket cleanup --output" | "bucket snapshot --output" | "bucket diff --output" | "bucket index show --output" | "bucket index diff --output" | "bucket index rebuild --output" | "bucket marks ls --output" | "bucket marks migrate --output" | "bucket marks add --output" | "bucket marks rm --output" | "journal ls --output" | "journal show --output" | "journal undo --output" | "journal resume --output" | "config show --output" | "config validate --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml html"
            return
            ;;
        "ring watch -o" | "ring watch --output")
            _cortexctl_reply -W "table wide ndjson"
            return
            ;;
        "bucket timeline -o" | "bucket timeline --output")
            _cortexctl_reply -W "table wide json ndjson csv yaml svg html"
            return
            ;;
        *" --fail-on")
            _cortexctl_reply -W "critical high warning info"
            return
            ;;
        "doctor --only" | "doctor --ignore")
            _cortexctl_reply -W "BLK CMP IDX LCK MRK OBJ PAR POI TEN RNG DSK OWN CFG ACC CLK BLK01 BLK02 BLK03 BLK04 BLK05 BLK06 BLK07 BLK08 BLK09 BLK10 BLK11 BLK12 BLK13 BLK14 BLK15 BLK16 BLK17 CMP01 CMP02 CMP03 CMP04 CMP05 CMP06 CMP07 CMP08 CMP09 IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 LCK01 LCK02 LCK03 MRK01 MRK02 MRK03 MRK04 MRK05 MRK06 MRK07 MRK08 OBJ01 OBJ02 OBJ03 OBJ04 PAR01 PAR02 PAR03 POI01 POI02 POI03 POI04 POI05 POI06 TEN01 TEN02 TEN03 TEN04 TEN05 RNG01 RNG02 RNG03 RNG04 RNG05 RNG06 RNG07 RNG08 RNG09 RNG10 RNG11 RNG12 RNG13 RNG14 RNG15 RNG16 RNG17 RNG18 RNG19 RNG20 RNG21 RNG22 RNG23 RNG24 RNG25 RNG26 RNG27 RNG28 RNG29 RNG30 RNG31 RNG32 RNG33 RNG34 RNG35 RNG36 RNG37 RNG38 RNG39 RNG40 RNG41 RNG42 RNG43 RNG44 RNG45 RNG46 RNG47 RNG48 RNG49 DSK01 DSK02 OWN01 OWN02 CFG01 CFG02 CFG03 CFG04 CFG05 CFG06 CFG07 CFG08 CFG09 CFG10 CFG11 CFG12 CFG13 CFG14 CFG15 CFG16 CFG17 CFG18 CFG19 CFG20 CFG21 CFG22 CFG23 CFG24 CFG25 CFG26 CFG27 CFG28 CFG29 CFG30 CFG31 CFG32 CFG33 CFG34 CFG35 CFG36 CFG37 CFG38 CFG39 CFG40 CFG41 CFG42 CFG43 ACC01 ACC02 ACC03 ACC04 CLK01 CLK02"
            return
            ;;
        "ring check --only" | "ring check --ignore")
            _cortexctl_reply -W "RNG RNG01 RNG02 RNG03 RNG04 RNG05 RNG06 RNG07 RNG08 RNG09 RNG10 RNG11 RNG12 RNG13 RNG14 RNG15 RNG16 RNG17 RNG18 RNG19 RNG20 RNG21 RNG22 RNG23 RNG24 RNG25 RNG26 RNG27 RNG28 RNG29 RNG30 RNG31 RNG32 RNG33 RNG34 RNG35 RNG36 RNG37 RNG38 RNG39 RNG40 RNG41 RNG42 RNG43 RNG44 RNG45 RNG46 RNG47 RNG48 RNG49"
            return
            ;;
        "bucket why --only" | "bucket check --only" | "bucket why --ignore" | "bucket check --ignore")
            _cortexctl_reply -W "BLK CMP IDX LCK MRK OBJ PAR POI TEN BLK01 BLK02 BLK03 BLK04 BLK05 BLK06 BLK07 BLK08 BLK09 BLK10 BLK11 BLK12 BLK13 BLK14 BLK15 BLK16 BLK17 CMP01 CMP02 CMP03 CMP04 CMP05 CMP06 CMP07 CMP08 CMP09 IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 LCK01 LCK02 LCK03 MRK01 MRK02 MRK03 MRK04 MRK05 MRK06 MRK07 MRK08 OBJ01 OBJ02 OBJ03 OBJ04 PAR01 PAR02 PAR03 POI01 POI02 POI03 POI04 POI05 POI06 TEN01 TEN02 TEN03 TEN04 TEN05"
            return
            ;;
        "bucket index check --only" | "bucket index check --ignore")
            _cortexctl_reply -W "IDX POI IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06"
            return
            ;;
        "plan disk --only" | "plan disk --ignore")
            _cortexctl_reply -W "DSK DSK01 DSK02"
            return
            ;;
        "plan store-gateway --only" | "plan store-gateway --ignore")
            _cortexctl_reply -W "OWN OWN01 OWN02"
            return
            ;;
        "config lint --only" | "config lint --ignore")
            _cortexctl_reply -W "CFG CFG01 CFG02 CFG03 CFG04 CFG05 CFG06 CFG07 CFG08 CFG09 CFG10 CFG11 CFG12 CFG13 CFG14 CFG15 CFG16 CFG17 CFG18 CFG19 CFG20 CFG21 CFG22 CFG23 CFG24 CFG25 CFG26 CFG27 CFG28 CFG29 CFG30 CFG31 CFG32 CFG33 CFG34 CFG35 CFG36 CFG37 CFG38 CFG39 CFG40 CFG41 CFG42 CFG43"
            return
            ;;
        *" -t" | *" --tenant" | *" --user" | *" --exclude-tenant")
            _cortexctl_names tenants
            return
            ;;
        *" --ring")
            _cortexctl_reply -W "ingester distributor store-gateway compactor ruler alertmanager parquet-converter"
            return
            ;;
        "ring forget --apply" | "ring restore --apply" | "bucket check --apply" | "bucket undelete --apply" | "bucket quarantine --apply" | "bucket cleanup --apply" | "bucket index rebuild --apply" | "bucket marks migrate --apply" | "bucket marks add --apply" | "bucket marks rm --apply")
            [[ $word == -* ]] || { _cortexctl_reply -f; return; }
            ;;
        *" --state")
            _cortexctl_reply -W "complete marked partial broken ghost"
            return
            ;;
        "bucket marks add --kind" | "bucket marks rm --kind")
            _cortexctl_reply -W "deletion no-compact parquet"
            return
            ;;
        *" --strategy")
            _cortexctl_reply -W "default shuffle-sharding partitioning"
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
                _cortexctl_reply -W "BLK01 BLK02 BLK03 BLK04 BLK05 BLK06 BLK07 BLK08 BLK09 BLK10 BLK11 BLK12 BLK13 BLK14 BLK15 BLK16 BLK17 CMP01 CMP02 CMP03 CMP04 CMP05 CMP06 CMP07 CMP08 CMP09 IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 LCK01 LCK02 LCK03 MRK01 MRK02 MRK03 MRK04 MRK05 MRK06 MRK07 MRK08 OBJ01 OBJ02 OBJ03 OBJ04 PAR01 PAR02 PAR03 POI01 POI02 POI03 POI04 POI05 POI06 TEN01 TEN02 TEN03 TEN04 TEN05 RNG01 RNG02 RNG03 RNG04 RNG05 RNG06 RNG07 RNG08 RNG09 RNG10 RNG11 RNG12 RNG13 RNG14 RNG15 RNG16 RNG17 RNG18 RNG19 RNG20 RNG21 RNG22 RNG23 RNG24 RNG25 RNG26 RNG27 RNG28 RNG29 RNG30 RNG31 RNG32 RNG33 RNG34 RNG35 RNG36 RNG37 RNG38 RNG39 RNG40 RNG41 RNG42 RNG43 RNG44 RNG45 RNG46 RNG47 RNG48 RNG49 DSK01 DSK02 OWN01 OWN02 CFG01 CFG02 CFG03 CFG04 CFG05 CFG06 CFG07 CFG08 CFG09 CFG10 CFG11 CFG12 CFG13 CFG14 CFG15 CFG16 CFG17 CFG18 CFG19 CFG20 CFG21 CFG22 CFG23 CFG24 CFG25 CFG26 CFG27 CFG28 CFG29 CFG30 CFG31 CFG32 CFG33 CFG34 CFG35 CFG36 CFG37 CFG38 CFG39 CFG40 CFG41 CFG42 CFG43 ACC01 ACC02 ACC03 ACC04 CLK01 CLK02"
                ;;
            "demo 0" | "ring snapshot 0" | "ring tokens "* | "bucket snapshot 0" | "config lint "*)
                _cortexctl_reply -f
                ;;
            "completion 0")
                _cortexctl_reply -W "bash zsh fish"
                ;;
            "ring list "* | "ring show 0" | "ring check "* | "ring diff 0" | "ring snapshot "* | "ring owners 0" | "ring simulate 0" | "ring forget 0" | "ring restore 0" | "ring watch 0")
                _cortexctl_reply -W "ingester distributor store-gateway compactor ruler alertmanager parquet-converter"
                ;;
            "bucket index show 0")
                _cortexctl_names tenants
                ;;
            "config use-context 0")
                _cortexctl_names contexts
                ;;
        esac
    fi
}
complete -F _cortexctl cortexctl
