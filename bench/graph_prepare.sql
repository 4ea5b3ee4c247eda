-- A schema of twelve tables as applications have them: an issue tracker, with keys, foreign keys and their indexes.
\set ON_ERROR_STOP on
CREATE EXTENSION pollseed;
CREATE EXTENSION "uuid-ossp";
CREATE SCHEMA tracker;
SET search_path = tracker, public;
CREATE TYPE priority AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TABLE organizations (id bigserial PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE, created_at timestamptz NOT NULL);
CREATE TABLE users (id bigserial PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, first_name text NOT NULL, last_name text NOT NULL,
	email text NOT NULL UNIQUE, active boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE projects (id uuid PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, name text NOT NULL, slug text NOT NULL UNIQUE, created_at timestamptz NOT NULL);
CREATE TABLE memberships (project_id uuid REFERENCES projects, user_id bigint REFERENCES users, role text NOT NULL CHECK (role IN ('owner', 'member', 'guest')), PRIMARY KEY (project_id, user_id));
CREATE TABLE labels (id bigserial PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, name text NOT NULL, color text NOT NULL);
CREATE TABLE milestones (id bigserial PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects, title text NOT NULL, starts_on date NOT NULL, due_on date NOT NULL, CHECK (due_on >= starts_on));
CREATE TABLE issues (id bigserial PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects, author_id bigint NOT NULL REFERENCES users, milestone_id bigint REFERENCES milestones,
	title text NOT NULL, status text NOT NULL CHECK (status IN ('open', 'closed', 'merged')), priority priority NOT NULL, settings jsonb NOT NULL DEFAULT '{}', created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE issue_labels (issue_id bigint REFERENCES issues, label_id bigint REFERENCES labels, PRIMARY KEY (issue_id, label_id));
CREATE TABLE comments (id bigserial PRIMARY KEY, issue_id bigint NOT NULL REFERENCES issues, author_id bigint NOT NULL REFERENCES users, body text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE reactions (id bigserial PRIMARY KEY, comment_id bigint NOT NULL REFERENCES comments, user_id bigint NOT NULL REFERENCES users, emoji text NOT NULL CHECK (emoji IN ('up', 'down', 'heart')));
CREATE TABLE attachments (id uuid PRIMARY KEY, issue_id bigint NOT NULL REFERENCES issues, file_name text NOT NULL, size int NOT NULL CHECK (size > 0), mime_type text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE events (id bigserial PRIMARY KEY, issue_id bigint NOT NULL REFERENCES issues, user_id bigint NOT NULL REFERENCES users, kind text NOT NULL, duration int, created_at timestamptz NOT NULL);
CREATE INDEX ON users (organization_id);
CREATE INDEX ON projects (organization_id);
CREATE INDEX ON memberships (user_id);
CREATE INDEX ON labels (organization_id);
CREATE INDEX ON milestones (project_id);
CREATE INDEX ON issues (project_id);
CREATE INDEX ON issues (author_id);
CREATE INDEX ON issues (milestone_id);
CREATE INDEX ON issue_labels (label_id);
CREATE INDEX ON comments (issue_id);
CREATE INDEX ON comments (author_id);
CREATE INDEX ON reactions (comment_id);
CREATE INDEX ON reactions (user_id);
CREATE INDEX ON attachments (issue_id);
CREATE INDEX ON events (issue_id);
CREATE INDEX ON events (user_id);

-- A plan for about so many rows in all.
CREATE FUNCTION public.plan_for(n bigint) RETURNS jsonb LANGUAGE sql AS $$
	SELECT public.pollseed_plan_schema('tracker', 100, jsonb_build_object('rows', jsonb_build_object(
		'organizations', n / 2000, 'users', n / 50, 'projects', n / 500, 'memberships', n / 25, 'labels', n / 200, 'milestones', n / 100, 'issues', n / 7,
		'issue_labels', n / 10, 'comments', n / 4, 'reactions', n / 8, 'attachments', n / 33, 'events', n / 4)), '2026-06-01')
$$;

-- What the tables hold.
CREATE FUNCTION public.content() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name text;
	part text;
	result text := '';
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'tracker'::regnamespace AND relkind = 'r' ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) || '':'' || sum(hash_record_extended(t, 0)) FROM tracker.%I AS t', name) INTO part;
		result := result || ' ' || part;
	END LOOP;
	RETURN md5(result);
END $$;
