-- What a row of the queue shows: of a tap, with what and from where; of a form's sender, what may be shown unasked.
alter table calls add column device text not null default '';
alter table calls add column place text not null default '';
alter table calls add column masked_name text not null default '';
alter table calls add column masked_email text not null default '';

-- What an operator's first screen reads: the rows of a lead, and leads that stay however old they are.
create index calls_by_lead on calls (lead_id);
create index calls_missed on calls (site_id, status, at) where call_state = 'missed';
create index reminders_by_lead on reminders (lead_id);
create index reminders_by_site on reminders (site_id, lead_id) where closed_at is null;
create index leads_claimed on leads (site_id, claimed_until) where claimed_until is not null;

-- A token that was given for a password: a new password revokes it.
alter table api_tokens add column by_login integer not null default 0;

-- Calls that a tap may still belong to, however late it arrives.
create index calls_waiting on calls (site_id, called_number, at) where source = 'call' and match_how = '';
