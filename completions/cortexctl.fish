# Made from the commands by `cortexctl completion fish`; not to be edited.
set -g __cortexctl_valued --as-of --bucket --concurrency --config.file --deadline --exclude-tenant --fail-on --fields --ignore --journal-dir --label --level --lock-settle --max-bytes --max-changes --max-requests --max-time --min-size --min-time --objstore.config --objstore.config-file --only --output --plan-out --runtime-config.file --sort --state --storage-driver --tenant --timeout --user -b -o -t
set -g __cortexctl_leaves 'explain' 'version' 'demo' 'completion' 'bucket tenants' 'bucket ls' 'bucket inspect' 'bucket index show' 'bucket index check' 'bucket index diff' 'bucket index rebuild' 'journal ls' 'journal show' 'journal undo' 'journal resume'

function __cortexctl_at -d 'Whether the words so far lead to one of the given commands'
    set -l words (commandline -opc)
    set -l at
    set -l skip 1
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word $__cortexctl_valued
            set skip 1
        else if not string match -q -- '-*' $word; and not contains -- "$at" $__cortexctl_leaves
            set -a at $word
        end
    end
    contains -- "$at" $argv
end

complete -c cortexctl -f
complete -c cortexctl -n '__cortexctl_at ""' -a explain -d 'Say what a finding means, what it does to the cluster, and how it is repaired'
complete -c cortexctl -n '__cortexctl_at ""' -a version -d 'Show the version, and with -o json those of the libraries that matter'
complete -c cortexctl -n '__cortexctl_at ""' -a demo -d 'Write a sample cluster into a folder, and run the main jobs on it, each command shown before its output'
complete -c cortexctl -n '__cortexctl_at ""' -a completion -d 'Print the completion script of a shell, which answers without starting cortexctl'
complete -c cortexctl -n '__cortexctl_at ""' -a bucket -d 'Look into a bucket of blocks, and repair it'
complete -c cortexctl -n '__cortexctl_at ""' -a journal -d 'Show, undo and resume what was written'
complete -c cortexctl -n '__cortexctl_at "explain"' -a 'IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06'
complete -c cortexctl -n '__cortexctl_at "demo"' -F
complete -c cortexctl -n '__cortexctl_at "completion"' -a 'bash zsh fish'
complete -c cortexctl -n '__cortexctl_at "bucket"' -a tenants -d 'List the tenants of a bucket'
complete -c cortexctl -n '__cortexctl_at "bucket"' -a ls -d 'List blocks with their times, size, level, state and marks'
complete -c cortexctl -n '__cortexctl_at "bucket"' -a inspect -d 'Show all of one block'
complete -c cortexctl -n '__cortexctl_at "bucket"' -a index -d 'Show, check, compare and rebuild bucket indexes'
complete -c cortexctl -n '__cortexctl_at "bucket index"' -a show -d 'Show a tenant'\''s bucket index'
complete -c cortexctl -n '__cortexctl_at "bucket index"' -a check -d 'Check each bucket index against the bucket, and look for the object that stops its updates'
complete -c cortexctl -n '__cortexctl_at "bucket index"' -a diff -d 'Show how each stored bucket index differs from what the bucket holds'
complete -c cortexctl -n '__cortexctl_at "bucket index"' -a rebuild -d 'Rebuild bucket indexes from the bucket, as Cortex'\''s own updater would from scratch'
complete -c cortexctl -n '__cortexctl_at "journal"' -a ls -d 'List the runs that wrote anything, the oldest first, and how far each came'
complete -c cortexctl -n '__cortexctl_at "journal"' -a show -d 'Show what a run did, event by event'
complete -c cortexctl -n '__cortexctl_at "journal"' -a undo -d 'Put back what a run has written, byte for byte, unless it has changed since (exit code 5)'
complete -c cortexctl -n '__cortexctl_at "journal"' -a resume -d 'Go on with a run that was cut off, or that stopped at a tenant'
complete -c cortexctl -n '__cortexctl_at "" "explain" "version" "demo" "completion" "bucket" "bucket tenants" "bucket ls" "bucket inspect" "bucket index" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal" "journal ls" "journal show" "journal undo" "journal resume"' -l help -d 'Show this message and exit.'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -s o -l output -x -a 'table wide json ndjson csv yaml' -d 'The format of the result.'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -l fields -x -d 'The columns to show, in order.'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -l sort -x -d 'A column; -COLUMN is descending. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -l no-headers -d 'Leave the headings out.'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -l as-of -x -d 'The time to judge at instead of now: RFC 3339, Unix seconds, or relative (-6h).'
complete -c cortexctl -n '__cortexctl_at "version" "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -s q -l quiet -d 'Say nothing when all is well.'
complete -c cortexctl -n '__cortexctl_at "demo"' -l run -d 'Run the main jobs on it, or only write it.'
complete -c cortexctl -n '__cortexctl_at "demo"' -l no-run -d 'Run the main jobs on it, or only write it.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -s b -l bucket -r -F -d 's3://, gs://, az://, file:// or memory:// URL, a directory, or a cortex.yaml.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l config.file -r -F -d 'Cortex'\''s own YAML: its bucket and its delays.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l config.expand-env -d 'Replace ${VAR} in the YAML, as Cortex does.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l runtime-config.file -r -F -d 'Cortex'\''s per-tenant overrides.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l objstore.config -x -d 'Thanos'\'' object storage YAML.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l objstore.config-file -r -F -d 'A file with Thanos'\'' object storage YAML.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l storage-driver -x -a 'auto obstore s3fs gcsfs adlfs' -d 'The library that speaks to the store.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l concurrency -x -d 'Requests in flight. [1<=x<=256]'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l timeout -x -d 'For one request.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l deadline -x -d 'For the whole run; exit code 124.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l max-requests -x -d 'Stop at this many requests; exit code 8. [x>=1]'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket inspect" "bucket index show" "bucket index check" "bucket index diff" "bucket index rebuild" "journal undo" "journal resume"' -l read-only -d 'Write nothing, whatever else is asked.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants" "bucket ls" "bucket index check" "bucket index diff" "bucket index rebuild"' -s t -l tenant -l user -x -d 'A tenant, or a glob such as '\''team-*'\''. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket tenants"' -l fast -d 'Read listings and indexes only, no meta.json.'
complete -c cortexctl -n '__cortexctl_at "bucket ls" "bucket index check" "bucket index diff" "bucket index rebuild"' -l exclude-tenant -x -d 'Tenants to leave out. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l state -x -a 'complete marked partial broken ghost' -d 'Blocks in this state: complete, marked, partial, broken or ghost. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l level -x -d 'Blocks of this compaction level. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l min-time -x -d 'Blocks with samples after this time.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l max-time -x -d 'Blocks with samples before this time.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l min-size -x -d 'Blocks of at least this size.'
complete -c cortexctl -n '__cortexctl_at "bucket ls"' -l label -x -d 'Blocks whose meta.json has this label; a glob.'
complete -c cortexctl -n '__cortexctl_at "bucket index check"' -l fail-on -x -a 'critical high warning info' -d 'Exit 1 for findings at least this severe.'
complete -c cortexctl -n '__cortexctl_at "bucket index check"' -l only -x -a 'IDX POI IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06' -d 'A code or its beginning: IDX05, POI. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket index check"' -l ignore -x -a 'IDX POI IDX01 IDX02 IDX03 IDX04 IDX05 IDX06 IDX07 IDX08 IDX09 IDX10 IDX11 IDX12 IDX13 IDX14 POI01 POI02 POI03 POI04 POI05 POI06' -d 'Likewise, to leave out. Repeatable.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l apply -d 'Do it. With the FILE of a saved plan: do exactly that, or refuse.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l plan-out -r -F -d 'Save the plan, for --apply FILE.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -s y -l yes -d 'Do not ask. Without a terminal nothing is asked.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l max-changes -x -d 'Refuse to write more objects than this; exit code 8. [x>=0]'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l max-bytes -x -d 'Refuse to write more than this; exit code 8.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild" "journal undo" "journal resume"' -l no-lock -d 'Do not take the cleaner'\''s visit marker: no compactor runs.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild" "journal undo" "journal resume"' -l lock-settle -x -d 'How long to let a cleaner show itself.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild" "journal ls" "journal show" "journal undo" "journal resume"' -l journal-dir -r -F -d 'Where journals are kept.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l all-tenants -d 'Every tenant of the bucket.'
complete -c cortexctl -n '__cortexctl_at "bucket index rebuild"' -l reuse -d 'Take over from the old index what the listing bears out.'
complete -c cortexctl -n '__cortexctl_at "journal undo"' -l apply -d 'Do it; without, only show what would be put back.'
complete -c cortexctl -n '__cortexctl_at "journal resume"' -l apply -d 'Do it; without, only show what is left to do.'
