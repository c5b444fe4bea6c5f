-- Create "admin_keys" table
CREATE TABLE `admin_keys` (
  `id` text NOT NULL,
  `name` text NOT NULL,
  `hash` blob NOT NULL,
  `roles` json NOT NULL,
  `created_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `last_used_at` datetime NULL,
  `revoked_at` datetime NULL,
  PRIMARY KEY (`id`)
);
-- Create index "admin_keys_name_key" to table: "admin_keys"
CREATE UNIQUE INDEX `admin_keys_name_key` ON `admin_keys` (`name`);
-- Create "audit_checkpoints" table
CREATE TABLE `audit_checkpoints` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `kind` text NOT NULL,
  `seal_id` integer NOT NULL,
  `mac` blob NOT NULL,
  `event_id` integer NOT NULL,
  `at` datetime NOT NULL,
  `signature` blob NOT NULL
);
-- Create "audit_events" table
CREATE TABLE `audit_events` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `xid` integer NULL DEFAULT (0),
  `at` datetime NOT NULL,
  `action` text NOT NULL,
  `app_id` text NOT NULL,
  `user_id` uuid NULL,
  `session_id` uuid NULL,
  `revokes` text NULL,
  `epoch` integer NOT NULL DEFAULT (0),
  `actor` text NULL,
  `reason` text NULL,
  `detail` json NULL
);
-- Create index "auditevent_user_id_at" to table: "audit_events"
CREATE INDEX `auditevent_user_id_at` ON `audit_events` (`user_id`, `at`);
-- Create index "auditevent_at_id" to table: "audit_events"
CREATE INDEX `auditevent_at_id` ON `audit_events` (`at`, `id`);
-- Create index "auditevent_actor_at" to table: "audit_events"
CREATE INDEX `auditevent_actor_at` ON `audit_events` (`actor`, `at`) WHERE actor IS NOT NULL;
-- Create index "auditevent_action_at" to table: "audit_events"
CREATE INDEX `auditevent_action_at` ON `audit_events` (`action`, `at`);
-- Create index "auditevent_xid" to table: "audit_events"
CREATE INDEX `auditevent_xid` ON `audit_events` (`xid`) WHERE revokes IS NOT NULL;
-- Create index "auditevent_at" to table: "audit_events"
CREATE INDEX `auditevent_at` ON `audit_events` (`at`) WHERE revokes IS NOT NULL;
-- Create "audit_seals" table
CREATE TABLE `audit_seals` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `event_id` integer NOT NULL,
  `mac` blob NOT NULL
);
-- Create index "auditseal_event_id" to table: "audit_seals"
CREATE UNIQUE INDEX `auditseal_event_id` ON `audit_seals` (`event_id`);
-- Create "avatars" table
CREATE TABLE `avatars` (
  `id` text NOT NULL,
  `state` text NOT NULL DEFAULT ('uploaded'),
  `created_at` datetime NOT NULL,
  `user_id` uuid NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `avatars_users_avatars` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE SET NULL
);
-- Create index "avatar_user_id_state" to table: "avatars"
CREATE INDEX `avatar_user_id_state` ON `avatars` (`user_id`, `state`);
-- Create index "avatar_state_created_at" to table: "avatars"
CREATE INDEX `avatar_state_created_at` ON `avatars` (`state`, `created_at`);
-- Create "bans" table
CREATE TABLE `bans` (
  `id` blob NOT NULL,
  `at` datetime NOT NULL,
  `until` datetime NULL,
  PRIMARY KEY (`id`)
);
-- Create "ciphertext_uses" table
CREATE TABLE `ciphertext_uses` (
  `id` blob NOT NULL,
  `user_id` uuid NOT NULL,
  `kind` text NOT NULL,
  `withdrawn` bool NOT NULL DEFAULT (false),
  `expires_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- Create index "ciphertextuse_expires_at" to table: "ciphertext_uses"
CREATE INDEX `ciphertextuse_expires_at` ON `ciphertext_uses` (`expires_at`);
-- Create index "ciphertextuse_user_id_kind" to table: "ciphertext_uses"
CREATE INDEX `ciphertextuse_user_id_kind` ON `ciphertext_uses` (`user_id`, `kind`);
-- Create "consents" table
CREATE TABLE `consents` (
  `id` uuid NOT NULL,
  `app_id` text NOT NULL,
  `purpose` text NOT NULL,
  `version` text NOT NULL,
  `granted` bool NOT NULL,
  `client` text NOT NULL DEFAULT (''),
  `at` datetime NOT NULL,
  `user_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `consents_users_consents` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "consent_user_id_at" to table: "consents"
CREATE INDEX `consent_user_id_at` ON `consents` (`user_id`, `at`);
-- Create "daily_counts" table
CREATE TABLE `daily_counts` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `day` text NOT NULL,
  `app_id` text NOT NULL,
  `kind` text NOT NULL,
  `name` text NOT NULL,
  `count` integer NOT NULL
);
-- Create index "dailycount_day_app_id_kind_name" to table: "daily_counts"
CREATE UNIQUE INDEX `dailycount_day_app_id_kind_name` ON `daily_counts` (`day`, `app_id`, `kind`, `name`);
-- Create "decrypt_failures" table
CREATE TABLE `decrypt_failures` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `user_id` uuid NOT NULL,
  `session_id` uuid NOT NULL,
  `at` datetime NOT NULL
);
-- Create index "decryptfailure_user_id_at" to table: "decrypt_failures"
CREATE INDEX `decryptfailure_user_id_at` ON `decrypt_failures` (`user_id`, `at`);
-- Create index "decryptfailure_at" to table: "decrypt_failures"
CREATE INDEX `decryptfailure_at` ON `decrypt_failures` (`at`);
-- Create "identities" table
CREATE TABLE `identities` (
  `id` uuid NOT NULL,
  `app_id` text NOT NULL,
  `open_id` text NOT NULL,
  `union_id` text NULL,
  `session_key` blob NULL,
  `session_key_print` blob NULL,
  `session_key_at` datetime NULL,
  `previous_key` blob NULL,
  `previous_key_until` datetime NULL,
  `created_at` datetime NOT NULL,
  `last_login_at` datetime NOT NULL,
  `user_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `identities_users_identities` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "identity_app_id_open_id" to table: "identities"
CREATE UNIQUE INDEX `identity_app_id_open_id` ON `identities` (`app_id`, `open_id`);
-- Create index "identity_user_id" to table: "identities"
CREATE INDEX `identity_user_id` ON `identities` (`user_id`);
-- Create index "identity_open_id" to table: "identities"
CREATE INDEX `identity_open_id` ON `identities` (`open_id`);
-- Create index "identity_union_id" to table: "identities"
CREATE INDEX `identity_union_id` ON `identities` (`union_id`) WHERE union_id IS NOT NULL;
-- Create "login_codes" table
CREATE TABLE `login_codes` (
  `id` blob NOT NULL,
  `nonce_hash` blob NULL,
  `claimed_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `failure` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "logincode_expires_at" to table: "login_codes"
CREATE INDEX `logincode_expires_at` ON `login_codes` (`expires_at`);
-- Create "merges" table
CREATE TABLE `merges` (
  `id` uuid NOT NULL,
  `from_user` uuid NOT NULL,
  `into_user` uuid NOT NULL,
  `cause` text NOT NULL,
  `state` text NOT NULL DEFAULT ('offered'),
  `proof` blob NULL,
  `identities` json NULL,
  `moved` json NULL,
  `created_at` datetime NOT NULL,
  `until` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- Create index "merge_from_user_into_user_cause" to table: "merges"
CREATE UNIQUE INDEX `merge_from_user_into_user_cause` ON `merges` (`from_user`, `into_user`, `cause`);
-- Create index "merge_into_user" to table: "merges"
CREATE INDEX `merge_into_user` ON `merges` (`into_user`);
-- Create index "merge_until" to table: "merges"
CREATE INDEX `merge_until` ON `merges` (`until`);
-- Create "phone_codes" table
CREATE TABLE `phone_codes` (
  `id` blob NOT NULL,
  `claimed_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `failure` text NULL,
  PRIMARY KEY (`id`)
);
-- Create index "phonecode_expires_at" to table: "phone_codes"
CREATE INDEX `phonecode_expires_at` ON `phone_codes` (`expires_at`);
-- Create "sessions" table
CREATE TABLE `sessions` (
  `id` uuid NOT NULL,
  `app_id` text NOT NULL,
  `device_id` text NOT NULL,
  `device_name` text NOT NULL DEFAULT (''),
  `platform` text NOT NULL DEFAULT (''),
  `sdk_version` text NOT NULL DEFAULT (''),
  `refresh_counter` integer NOT NULL DEFAULT (0),
  `refreshed_at` datetime NOT NULL,
  `idle_expires_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `created_at` datetime NOT NULL,
  `login_code_hash` blob NOT NULL,
  `first_login` bool NOT NULL,
  `identity_id` uuid NOT NULL,
  `user_id` uuid NOT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `sessions_identities_sessions` FOREIGN KEY (`identity_id`) REFERENCES `identities` (`id`) ON DELETE CASCADE,
  CONSTRAINT `sessions_users_sessions` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "session_user_id_device_id" to table: "sessions"
CREATE UNIQUE INDEX `session_user_id_device_id` ON `sessions` (`user_id`, `device_id`);
-- Create index "session_login_code_hash" to table: "sessions"
CREATE UNIQUE INDEX `session_login_code_hash` ON `sessions` (`login_code_hash`);
-- Create index "session_identity_id" to table: "sessions"
CREATE INDEX `session_identity_id` ON `sessions` (`identity_id`);
-- Create index "session_idle_expires_at" to table: "sessions"
CREATE INDEX `session_idle_expires_at` ON `sessions` (`idle_expires_at`);
-- Create index "session_expires_at" to table: "sessions"
CREATE INDEX `session_expires_at` ON `sessions` (`expires_at`);
-- Create "users" table
CREATE TABLE `users` (
  `id` uuid NOT NULL,
  `app_group` text NOT NULL,
  `status` text NOT NULL DEFAULT ('active'),
  `disabled_reason` text NULL,
  `disabled_until` datetime NULL,
  `epoch` integer NOT NULL DEFAULT (0),
  `nickname` text NULL,
  `avatar_url` text NULL,
  `avatar_key` text NULL,
  `phone_sealed` blob NULL,
  `phone_index` blob NULL,
  `phone_code_hash` blob NULL,
  `phone_bound_at` datetime NULL,
  `nickname_key` text NULL,
  `closes_at` datetime NULL,
  `merged_into` uuid NULL,
  `created_at` datetime NOT NULL,
  PRIMARY KEY (`id`)
);
-- Create index "user_app_group_phone_index" to table: "users"
CREATE UNIQUE INDEX `user_app_group_phone_index` ON `users` (`app_group`, `phone_index`);
-- Create index "user_app_group_created_at_id" to table: "users"
CREATE INDEX `user_app_group_created_at_id` ON `users` (`app_group`, `created_at`, `id`);
-- Create index "user_created_at_id" to table: "users"
CREATE INDEX `user_created_at_id` ON `users` (`created_at`, `id`);
-- Create index "user_disabled" to table: "users"
CREATE INDEX `user_disabled` ON `users` (`created_at`, `id`) WHERE disabled_reason IS NOT NULL;
-- Create index "user_with_phone" to table: "users"
CREATE INDEX `user_with_phone` ON `users` (`created_at`, `id`) WHERE phone_index IS NOT NULL;
-- Create index "user_without_phone" to table: "users"
CREATE INDEX `user_without_phone` ON `users` (`created_at`, `id`) WHERE phone_index IS NULL;
-- Create index "user_nickname_key" to table: "users"
CREATE INDEX `user_nickname_key` ON `users` (`nickname_key`);
-- Create index "user_closes_at" to table: "users"
CREATE INDEX `user_closes_at` ON `users` (`closes_at`) WHERE closes_at IS NOT NULL;
-- Create index "user_merged_into" to table: "users"
CREATE INDEX `user_merged_into` ON `users` (`merged_into`) WHERE merged_into IS NOT NULL;
