/** The cells of jobs, as scoreboards hold them: see `scoreboard-tables.ts`. */
const scoreCells = `
  create function score_cells(written text[])
  returns table (subject text, owner text, digest text, key text, cell jsonb, seq bigint, at timestamptz)
  language sql stable as $$
    select coalesce(jobs.registration, jobs.model),
      case when jobs.registration is null then jobs.owner else '' end,
      jobs.digest,
      concat_ws(' ', results.version,
        case when jobs.brought is null then '' else 'brought-' end || case when by_flag then 'flag' else 'card' end,
        source, results.benchmark),
      jsonb_build_array(value, error, ci_low, ci_high, selection, jobs.id, jobs.seq),
      jobs.seq, results.created_at
    from jobs
    join results on results.job = jobs.id
    cross join lateral (
      select case when jobs.sources ? results.benchmark then results.benchmark else (
        select benchmarks.id from benchmarks
        where jobs.sources ? benchmarks.id
        and benchmarks.summary -> 'benchmarks' @> jsonb_build_array(jsonb_build_object('id', results.benchmark))
      ) end as source
    ) as origin
    where jobs.id = any(written) and jobs.input is null and source is not null
  $$`;

/** The same as before, of {@link scoreCells}. */
const recordScores = `
  create or replace function record_scores(written text[]) returns void language sql as $$
    insert into scoreboards (subject, owner, digest, version, cells)
    select subject, owner, max(digest), nextval('scoreboard_versions'), jsonb_object_agg(key, cell order by seq)
    from score_cells(written)
    group by subject, owner
    on conflict (subject, owner) do update set
      digest = excluded.digest,
      version = excluded.version,
      cells = scoreboards.cells || (
        select coalesce(jsonb_object_agg(fresh.key, fresh.value), '{}') from jsonb_each(excluded.cells) as fresh
        where (fresh.value ->> 6)::bigint >= coalesce((scoreboards.cells -> fresh.key ->> 6)::bigint, 0)
      )
  $$`;

/**
 * What boards were made of, change by change, so that the board of an earlier date can be made again. Rows are only added:
 * by triggers on the tables themselves, and for the catalog by the start of a service. Of those with `at` up to a date, the
 * last one of a subject by `seq` says what it was; `state` null: it was removed.
 *
 * | kind | subject, owner | state |
 * | --- | --- | --- |
 * | `model` | registration, its owner | name, digest, visibility, group, and the facts of its card |
 * | `benchmark` | upload, its owner | summary, visibility, group |
 * | `scores` | subject and owner of a scoreboard | digest, and the cells that changed (null: withdrawn) |
 * | `catalog` | empty | shipped benchmarks and models |
 *
 * `bytes` are those that count against the quota of the owner: changes of a registration, of which one can make any number.
 * Rows that were `backfilled` from an earlier schema say what was known then: present names and visibilities, no removals.
 */
export const historyTables: readonly string[] = [
  `create table board_history (
    seq bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('model', 'benchmark', 'scores', 'catalog')),
    subject text not null,
    owner text not null,
    state jsonb check (jsonb_typeof(state) = 'object'),
    bytes integer not null default 0,
    backfilled boolean not null default false
  )`,
  'create index board_history_subject on board_history (subject, owner, seq)',
  `create index board_history_kind on board_history (kind, seq) where kind <> 'scores'`,
  'create index board_history_owner on board_history (owner) where bytes > 0',
  // A restored backup brings its own rows.
  `create function history_paused() returns boolean language sql stable as $$
    select coalesce(current_setting('ventral.restoring', true), '') = 'on'
  $$`,
  `create function model_state(models) returns jsonb language sql immutable as $$
    select jsonb_build_object('name', $1.name, 'digest', $1.digest, 'visibility', $1.visibility, 'group', $1.group_name,
      'weights', $1.weights, 'parameters', $1.parameters, 'family', $1.family, 'training_data', $1.training_data,
      'published', $1.published, 'licence', $1.licence)
  $$`,
  `create function benchmark_state(benchmarks) returns jsonb language sql immutable as $$
    select jsonb_build_object('summary', $1.summary, 'visibility', $1.visibility, 'group', $1.group_name)
  $$`,
  ...['model', 'benchmark'].map(registrationTrigger),
  ...['model', 'benchmark'].map(
    (kind) => `create trigger ${kind}s_history after insert or update or delete on ${kind}s
      for each row execute function follow_${kind}s()`,
  ),
  scoreCells,
  recordScores,
  `create function follow_scoreboards() returns trigger language plpgsql as $$
    declare changed jsonb;
    begin
      if history_paused() then return null; end if;
      select jsonb_object_agg(coalesce(fresh.key, known.key), fresh.value) into changed
      from jsonb_each(new.cells) as fresh
      full join jsonb_each(case when tg_op = 'UPDATE' then old.cells else '{}' end) as known on known.key = fresh.key
      where fresh.value is distinct from known.value;
      if changed is not null then
        insert into board_history (kind, subject, owner, state)
        values ('scores', new.subject, new.owner, jsonb_build_object('digest', new.digest, 'cells', changed));
      end if;
      return null;
    end
  $$`,
  `create trigger scoreboards_history after insert or update on scoreboards
    for each row execute function follow_scoreboards()`,
  // Scores count from when they were written, and only where no later job had one already.
  `create function backfill_history() returns void language sql as $$
    insert into board_history (at, kind, subject, owner, state, backfilled)
    select at, kind, subject, owner, state, true from (
      select created_at as at, 0 as place, seq, 'model' as kind, id as subject, owner, model_state(models) as state from models
      union all
      select created_at, 1, seq, 'benchmark', id, owner, benchmark_state(benchmarks) from benchmarks
      union all
      select at, 2, seq, 'scores', subject, owner, jsonb_build_object('digest', digest, 'cells', jsonb_object_agg(key, cell))
      from (
        select *, max(seq) over (partition by subject, owner, key order by at, seq) as latest
        from score_cells(array(select distinct job from results))
      ) as written
      where seq = latest and (not starts_with(subject, 'mdl_') or exists (select from models where id = subject))
      group by at, seq, subject, owner, digest
    ) as known
    where not exists (select from board_history)
    order by at, place, seq
  $$`,
  'select backfill_history()',
];

/** Follows the table of a kind of registration. */
function registrationTrigger(kind: string): string {
  return `create function follow_${kind}s() returns trigger language plpgsql as $$
    begin
      if history_paused() then return null; end if;
      if tg_op = 'DELETE' then
        insert into board_history (kind, subject, owner) values ('${kind}', old.id, old.owner);
      elsif tg_op = 'INSERT' then
        insert into board_history (kind, subject, owner, state) values ('${kind}', new.id, new.owner, ${kind}_state(new));
      elsif ${kind}_state(new) <> ${kind}_state(old) then
        insert into board_history (kind, subject, owner, state, bytes)
        values ('${kind}', new.id, new.owner, ${kind}_state(new), 128 + octet_length(${kind}_state(new)::text));
      end if;
      return null;
    end
  $$`;
}
