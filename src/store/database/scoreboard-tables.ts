/**
 * Scoreboards: for each registration (`owner` empty) and for each owner's jobs on a shipped model, the
 * score of the latest job on every benchmark, in one row, so that a leaderboard of a thousand models
 * reads a thousand rows and, of those that it knows, none but their version. They follow the table of results by a
 * trigger, and a backup leaves them out.
 *
 * The key of a cell is `<version> <card or flag> <source> <benchmark>`, a cell what `Cell` of
 * result-store.ts says. Scores at another input than the card's are not among them.
 */
export const scoreboardTables: readonly string[] = [
  // No version occurs twice, not even of a scoreboard that was removed and made again.
  'create sequence scoreboard_versions',
  `create table scoreboards (
    subject text not null,
    owner text not null,
    digest text not null,
    version bigint not null,
    cells jsonb not null,
    primary key (subject, owner)
  )`,
  `create function record_scores(written text[]) returns void language sql as $$
    insert into scoreboards (subject, owner, digest, version, cells)
    select subject, owner, max(digest), nextval('scoreboard_versions'), jsonb_object_agg(key, cell order by seq)
    from (
      select coalesce(jobs.registration, jobs.model) as subject,
        case when jobs.registration is null then jobs.owner else '' end as owner,
        jobs.digest, jobs.seq,
        concat_ws(' ', results.version, case when by_flag then 'flag' else 'card' end, source, results.benchmark) as key,
        jsonb_build_array(value, error, ci_low, ci_high, selection, jobs.id, jobs.seq) as cell
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
    ) as scores
    group by subject, owner
    on conflict (subject, owner) do update set
      digest = excluded.digest,
      version = excluded.version,
      cells = scoreboards.cells || (
        select coalesce(jsonb_object_agg(fresh.key, fresh.value), '{}') from jsonb_each(excluded.cells) as fresh
        where (fresh.value ->> 6)::bigint >= coalesce((scoreboards.cells -> fresh.key ->> 6)::bigint, 0)
      )
  $$`,
  `create function follow_results() returns trigger language plpgsql as $$
    begin
      perform record_scores(array(select distinct job from fresh));
      return null;
    end
  $$`,
  `create trigger results_scoreboards after insert on results referencing new table as fresh
    for each statement execute function follow_results()`,
  `create function forget_scores() returns trigger language plpgsql as $$
    begin
      delete from scoreboards where subject = old.id;
      return null;
    end
  $$`,
  `create trigger models_scoreboards after delete on models
    for each row execute function forget_scores()`,
  'select record_scores(array(select distinct job from results))',
];

/**
 * Scores that were brought have cells of their own, so that none takes the place of a score of the service: the
 * second word of their keys is `brought-card` or `brought-flag`.
 */
export const broughtScoreboards = `create or replace function record_scores(written text[]) returns void language sql as $$
  insert into scoreboards (subject, owner, digest, version, cells)
  select subject, owner, max(digest), nextval('scoreboard_versions'), jsonb_object_agg(key, cell order by seq)
  from (
    select coalesce(jobs.registration, jobs.model) as subject,
      case when jobs.registration is null then jobs.owner else '' end as owner,
      jobs.digest, jobs.seq,
      concat_ws(' ', results.version,
        case when jobs.brought is null then '' else 'brought-' end || case when by_flag then 'flag' else 'card' end,
        source, results.benchmark) as key,
      jsonb_build_array(value, error, ci_low, ci_high, selection, jobs.id, jobs.seq) as cell
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
  ) as scores
  group by subject, owner
  on conflict (subject, owner) do update set
    digest = excluded.digest,
    version = excluded.version,
    cells = scoreboards.cells || (
      select coalesce(jsonb_object_agg(fresh.key, fresh.value), '{}') from jsonb_each(excluded.cells) as fresh
      where (fresh.value ->> 6)::bigint >= coalesce((scoreboards.cells -> fresh.key ->> 6)::bigint, 0)
    )
$$`;
