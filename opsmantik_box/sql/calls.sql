-- find_message --
-- The call that a message told of when it came first.
select call_id from call_messages where site_id = ? and message_id = ?;

-- remember_message --
-- A message that was taken; its like changes nothing from now on.
insert into call_messages (site_id, message_id, call_id, at) values (?, ?, ?, ?);

-- forget_messages --
-- Messages that nobody sends again.
delete from call_messages where at < ?;

-- list_waiting --
-- Calls without a visit, since a time: the number that was called, and the fingerprint they were told with.
select site_id, called_number, coalesce(matched_fingerprint, '') from calls
where site_id in (select id from sites) and source = 'call' and at >= ? and match_how = '';

-- find_waiting_by_number --
-- Those to this number, around a tap's time.
select id from calls
where site_id = ? and called_number = ? and at between ? and ? and source = 'call' and match_how = '' and matched_fingerprint is null
order by at desc limit 10;

-- find_waiting_by_fingerprint --
-- Those of this visitor, around a signal's time.
select id from calls
where site_id = ? and matched_fingerprint = ? and at between ? and ? and source = 'call' and match_how = ''
order by at desc limit 10;

-- find_call --
-- A call by its exchange's id.
select id from calls where site_id = ? and provider = ? and provider_call_id = ?;

-- find_tap_visitor --
-- Whose tap it was.
select matched_fingerprint from calls where id = ?;

-- read_call --
-- All that is known of a call.
select id, received_at, at, phone_number, called_number, direction, call_state, answered_at, ended_at, duration_sec, provider,
    provider_call_id, matched_session_id, matched_session_month, matched_fingerprint, match_how, match_likelihood, candidates,
    matched_at, lead_score, lead_score_at_match, score_breakdown, attribution_at_tap, attribution_rank_at_tap, attribution_source,
    is_bot, is_internal, status, masked_number, phone_hash, version, lead_id
from calls where id = ?;

-- is_alone --
-- Did nobody do anything with a call's own lead, and did no other call join it?
select not exists (select 1 from leads where id = :id)
    and not exists (select 1 from calls where site_id = :site_id and phone_hash = :phone_hash and lead_id = :id and id <> :id);

-- add_call --
-- A call that was not known. What is told of it follows with save_call, in the same transaction: the number is sealed for its id.
insert into calls (id, site_id, at, received_at, provider, provider_call_id, status, source, version, created_at)
values ((select next_call_id from numbering), :site_id, :at, :now, :provider, :provider_call_id, null, 'call', 0, :now) returning id;

-- save_call --
-- All that is known of a call now.
update calls set at = :at, phone_number = :phone_number, phone_hash = :phone_hash, masked_number = :masked_number,
    called_number = :called_number, direction = :direction, call_state = :call_state, answered_at = :answered_at,
    ended_at = :ended_at, duration_sec = :duration_sec, matched_session_id = :matched_session_id,
    matched_session_month = :matched_session_month, matched_fingerprint = :matched_fingerprint, match_how = :match_how,
    match_likelihood = :match_likelihood, candidates = :candidates, matched_at = :matched_at, lead_score = :lead_score,
    lead_score_at_match = :lead_score_at_match, score_breakdown = :score_breakdown, attribution_at_tap = :attribution_at_tap,
    attribution_rank_at_tap = :attribution_rank_at_tap, attribution_source = :attribution_source, is_bot = :is_bot,
    is_internal = :is_internal, status = :status, version = version + 1
where id = :id returning version;

-- read_answer --
-- What whoever told of a call is answered.
select id, matched_session_id, lead_score_at_match from calls where id = ?;

-- note_call --
-- When a hook last told of a call.
update hooks set last_call_at = ? where id = ?;

-- find_taps --
-- Phone intents to a target around a call, newest first.
select id, at, matched_session_id from calls
where site_id = ? and source = 'click' and at >= ? and at < ? and intent_action = 'phone' and intent_target = ?
order by at desc limit 200;

-- read_unprojected --
-- What a site's signals that are not in their month file yet were decided to be.
select decision from signals where seq > ? and site_id = ? and decision is not null;

-- list_contacted --
-- Sessions that calls and forms were matched with, since a time.
select site_id, matched_session_id from calls
where site_id in (select id from sites) and source in ('call', 'form') and at >= ? and matched_session_id is not null;

-- find_form --
-- The form that was told with this stamp.
select id, phone_number, contact, matched_session_id, lead_score_at_match, version from calls where site_id = ? and intent_stamp = ?;

-- add_form --
-- A form with a contact, posted by the site's own server.
insert into calls (id, site_id, at, received_at, matched_session_id, matched_session_month, matched_fingerprint, match_how,
    match_likelihood, matched_at, lead_score, lead_score_at_match, score_breakdown, attribution_at_tap, attribution_rank_at_tap,
    attribution_source, is_bot, is_internal, status, source, intent_stamp, intent_action, intent_target, intent_page_url, consent,
    created_at)
values ((select next_call_id from numbering), :site_id, :at, :now, :matched_session_id, :matched_session_month, :matched_fingerprint, :match_how,
    :match_likelihood, :matched_at, :lead_score, :lead_score_at_match, :score_breakdown, :attribution_at_tap, :attribution_rank_at_tap,
    :attribution_source, :is_bot, :is_internal, 'intent', 'form', :stamp, 'form', :target, :page, :consent,
    :now)
returning id;

-- keep_contact --
-- Whom to call or write to: sealed for this row, and what may be shown of it unasked.
update calls set phone_number = ?, phone_hash = ?, contact = ?, masked_number = ?, masked_name = ?, masked_email = ?, version = ?
where id = ?;
