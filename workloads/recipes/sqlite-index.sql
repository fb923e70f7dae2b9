-- SPDX-License-Identifier: MIT
-- sqlite3 :memory: '.read workloads/recipes/sqlite-index.sql'
-- Fills a table, builds an index over it, looks rows up and deletes every third: pages of the
-- cache and short-lived strings, in one thread.
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
INSERT INTO person
SELECT i, printf('name-%08x', (i * 2654435761) % 4294967296), printf('town-%d', i % 977) FROM n;
CREATE INDEX person_by_name ON person(name);
CREATE INDEX person_by_town ON person(town, name);
SELECT count(*), min(name) FROM person WHERE town = 'town-42';
DELETE FROM person WHERE id % 3 = 0;
SELECT count(*) FROM person;
