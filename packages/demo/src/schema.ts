/**
 * The tables of HAPI FHIR 8.8 in which resources, their history, their tags and their search indexes live, with HAPI's names,
 * types and order of columns. They are created in the first schema of the connection's search_path.
 */
export const TABLES = [
  'hfj_resource_type',
  'hfj_tag_def',
  'hfj_spidx_identity',
  'hfj_resource',
  'hfj_res_ver',
  'hfj_res_tag',
  'hfj_res_link',
  'hfj_spidx_token',
  'hfj_spidx_date',
  'hfj_spidx_string',
] as const;

export type TableName = (typeof TABLES)[number];

const SEARCH_INDEX_HEAD = `
  sp_id bigint NOT NULL,
  partition_id integer,
  partition_date date,
  hash_identity bigint,
  sp_missing boolean NOT NULL,
  sp_name varchar(100),
  res_id bigint NOT NULL,
  res_type varchar(100),
  sp_updated timestamp(6)`;

export const CREATE_TABLES = `
CREATE TABLE hfj_resource_type (
  res_type_id smallint NOT NULL,
  res_type varchar(100) NOT NULL
);
CREATE TABLE hfj_tag_def (
  tag_id bigint NOT NULL,
  tag_code varchar(200),
  tag_display varchar(200),
  tag_system varchar(200),
  tag_type integer NOT NULL,
  tag_user_selected boolean,
  tag_version varchar(30)
);
CREATE TABLE hfj_spidx_identity (
  sp_identity_id integer NOT NULL,
  hash_identity bigint NOT NULL,
  sp_name varchar(256) NOT NULL,
  res_type varchar(100) NOT NULL
);
CREATE TABLE hfj_resource (
  res_id bigint NOT NULL,
  partition_id integer,
  res_deleted_at timestamp(6),
  res_version varchar(7),
  has_tags boolean NOT NULL,
  res_published timestamp(6) NOT NULL,
  res_updated timestamp(6) NOT NULL,
  fhir_id varchar(64),
  sp_has_links boolean NOT NULL,
  hash_sha256 varchar(64),
  sp_index_status smallint,
  res_language varchar(20),
  sp_cmpstr_uniq_present boolean,
  sp_cmptoks_present boolean,
  sp_coords_present boolean NOT NULL,
  sp_date_present boolean NOT NULL,
  sp_number_present boolean NOT NULL,
  sp_quantity_nrml_present boolean NOT NULL,
  sp_quantity_present boolean NOT NULL,
  sp_string_present boolean NOT NULL,
  sp_token_present boolean NOT NULL,
  sp_uri_present boolean NOT NULL,
  partition_date date,
  res_type varchar(40) NOT NULL,
  res_type_id smallint,
  search_url_present boolean,
  res_ver bigint NOT NULL
);
CREATE TABLE hfj_res_ver (
  partition_id integer,
  pid bigint NOT NULL,
  res_deleted_at timestamp(6),
  res_version varchar(7),
  has_tags boolean NOT NULL,
  res_published timestamp(6) NOT NULL,
  res_updated timestamp(6) NOT NULL,
  res_encoding varchar(5) NOT NULL,
  partition_date date,
  request_id varchar(16),
  res_text oid,
  res_id bigint NOT NULL,
  res_text_vc text,
  res_type varchar(40) NOT NULL,
  res_type_id smallint,
  res_ver bigint NOT NULL,
  source_uri varchar(768)
);
CREATE TABLE hfj_res_tag (
  pid bigint NOT NULL,
  partition_id integer,
  partition_date date,
  tag_id bigint,
  res_id bigint,
  res_type varchar(40) NOT NULL,
  res_type_id smallint
);
CREATE TABLE hfj_res_link (
  pid bigint NOT NULL,
  partition_id integer,
  partition_date date,
  src_path varchar(500) NOT NULL,
  src_resource_id bigint NOT NULL,
  source_resource_type varchar(40) NOT NULL,
  src_res_type_id smallint,
  target_res_partition_date date,
  target_res_partition_id integer,
  target_resource_id bigint,
  target_resource_type varchar(40) NOT NULL,
  target_res_type_id smallint,
  target_resource_url varchar(200),
  target_resource_version bigint,
  sp_updated timestamp(6)
);
CREATE TABLE hfj_spidx_token (${SEARCH_INDEX_HEAD},
  hash_sys bigint,
  hash_sys_and_value bigint,
  hash_value bigint,
  sp_system varchar(200),
  sp_value varchar(200)
);
CREATE TABLE hfj_spidx_date (${SEARCH_INDEX_HEAD},
  sp_value_high timestamp(6),
  sp_value_high_date_ordinal integer,
  sp_value_low timestamp(6),
  sp_value_low_date_ordinal integer
);
CREATE TABLE hfj_spidx_string (${SEARCH_INDEX_HEAD},
  hash_exact bigint,
  hash_norm_prefix bigint,
  sp_value_exact varchar(768),
  sp_value_normalized varchar(768)
);`;

/** The keys and indexes, one statement each: made after the load, and with a pause for progress between them. */
export const CREATE_INDEXES: readonly string[] = [
  'ALTER TABLE hfj_resource_type ADD CONSTRAINT hfj_resource_type_pkey PRIMARY KEY (res_type_id)',
  'ALTER TABLE hfj_resource_type ADD CONSTRAINT idx_res_type_name UNIQUE (res_type)',
  'ALTER TABLE hfj_tag_def ADD CONSTRAINT hfj_tag_def_pkey PRIMARY KEY (tag_id)',
  'CREATE INDEX idx_tag_def_tp_cd_sys ON hfj_tag_def (tag_type, tag_code, tag_system, tag_id, tag_version, tag_user_selected)',
  'ALTER TABLE hfj_spidx_identity ADD CONSTRAINT hfj_spidx_identity_pkey PRIMARY KEY (sp_identity_id)',
  'ALTER TABLE hfj_spidx_identity ADD CONSTRAINT idx_hash_identity UNIQUE (hash_identity)',

  'ALTER TABLE hfj_resource ADD CONSTRAINT hfj_resource_pkey PRIMARY KEY (res_id)',
  'ALTER TABLE hfj_resource ADD CONSTRAINT idx_res_type_fhir_id UNIQUE (res_type, fhir_id)',
  'CREATE INDEX idx_res_date ON hfj_resource (res_updated)',
  'CREATE INDEX idx_res_fhir_id ON hfj_resource (fhir_id)',
  'CREATE INDEX idx_res_resid_updated ON hfj_resource (res_id, res_updated, partition_id)',
  'CREATE INDEX idx_res_type_del_updated ON hfj_resource (res_type, res_deleted_at, res_updated, partition_id, res_id)',

  'ALTER TABLE hfj_res_ver ADD CONSTRAINT hfj_res_ver_pkey PRIMARY KEY (pid)',
  'ALTER TABLE hfj_res_ver ADD CONSTRAINT idx_resver_id_ver UNIQUE (res_id, res_ver)',
  'CREATE INDEX idx_resver_date ON hfj_res_ver (res_updated, res_id)',
  'CREATE INDEX idx_resver_id_date ON hfj_res_ver (res_id, res_updated)',
  'CREATE INDEX idx_resver_id_src_uri ON hfj_res_ver (source_uri, res_id, partition_id)',
  'CREATE INDEX idx_resver_type_date ON hfj_res_ver (res_type, res_updated, res_id)',
  'ALTER TABLE hfj_res_ver ADD CONSTRAINT fk_resource_history_resource FOREIGN KEY (res_id) REFERENCES hfj_resource (res_id)',

  'ALTER TABLE hfj_res_tag ADD CONSTRAINT hfj_res_tag_pkey PRIMARY KEY (pid)',
  'ALTER TABLE hfj_res_tag ADD CONSTRAINT idx_restag_tagid UNIQUE (res_id, tag_id)',
  'CREATE INDEX idx_res_tag_res_tag ON hfj_res_tag (res_id, tag_id, partition_id)',
  'CREATE INDEX idx_res_tag_tag_res ON hfj_res_tag (tag_id, res_id, partition_id)',
  'ALTER TABLE hfj_res_tag ADD CONSTRAINT fk_restag_resource FOREIGN KEY (res_id) REFERENCES hfj_resource (res_id)',

  'ALTER TABLE hfj_res_link ADD CONSTRAINT hfj_res_link_pkey PRIMARY KEY (pid)',
  'CREATE INDEX idx_rl_src ON hfj_res_link (src_resource_id)',
  'CREATE INDEX idx_rl_srcpath_tgturl ON hfj_res_link (src_path, target_resource_url, partition_id, src_resource_id)',
  'CREATE INDEX idx_rl_tgt_v2 ON hfj_res_link (target_resource_id, src_path, src_resource_id, target_resource_type, partition_id)',
  'ALTER TABLE hfj_res_link ADD CONSTRAINT fk_reslink_source FOREIGN KEY (src_resource_id) REFERENCES hfj_resource (res_id)',
  'ALTER TABLE hfj_res_link ADD CONSTRAINT fk_reslink_target FOREIGN KEY (target_resource_id) REFERENCES hfj_resource (res_id)',

  'ALTER TABLE hfj_spidx_token ADD CONSTRAINT hfj_spidx_token_pkey PRIMARY KEY (sp_id)',
  'CREATE INDEX idx_sp_token_hash_s_v2 ON hfj_spidx_token (hash_sys, res_id, partition_id)',
  'CREATE INDEX idx_sp_token_hash_sv_v2 ON hfj_spidx_token (hash_sys_and_value, res_id, partition_id)',
  'CREATE INDEX idx_sp_token_hash_v2 ON hfj_spidx_token (hash_identity, sp_system, sp_value, res_id, partition_id)',
  'CREATE INDEX idx_sp_token_hash_v_v2 ON hfj_spidx_token (hash_value, res_id, partition_id)',
  'CREATE INDEX idx_sp_token_resid_v2 ON hfj_spidx_token (res_id, hash_sys_and_value, hash_value, hash_sys, hash_identity, partition_id)',
  'ALTER TABLE hfj_spidx_token ADD CONSTRAINT fk_sp_token_res FOREIGN KEY (res_id) REFERENCES hfj_resource (res_id)',

  'ALTER TABLE hfj_spidx_date ADD CONSTRAINT hfj_spidx_date_pkey PRIMARY KEY (sp_id)',
  'CREATE INDEX idx_sp_date_hash_high_v2 ON hfj_spidx_date (hash_identity, sp_value_high, res_id, partition_id)',
  'CREATE INDEX idx_sp_date_hash_v2 ON hfj_spidx_date (hash_identity, sp_value_low, sp_value_high, res_id, partition_id)',
  'CREATE INDEX idx_sp_date_ord_hash_high_v2 ON hfj_spidx_date (hash_identity, sp_value_high_date_ordinal, res_id, partition_id)',
  `CREATE INDEX idx_sp_date_ord_hash_v2 ON hfj_spidx_date
    (hash_identity, sp_value_low_date_ordinal, sp_value_high_date_ordinal, res_id, partition_id)`,
  `CREATE INDEX idx_sp_date_resid_v2 ON hfj_spidx_date
    (res_id, hash_identity, sp_value_low, sp_value_high, sp_value_low_date_ordinal, sp_value_high_date_ordinal, partition_id)`,
  'ALTER TABLE hfj_spidx_date ADD CONSTRAINT fk_sp_date_res FOREIGN KEY (res_id) REFERENCES hfj_resource (res_id)',

  'ALTER TABLE hfj_spidx_string ADD CONSTRAINT hfj_spidx_string_pkey PRIMARY KEY (sp_id)',
  'CREATE INDEX idx_sp_string_hash_exct_v2 ON hfj_spidx_string (hash_exact, res_id, partition_id)',
  'CREATE INDEX idx_sp_string_hash_ident_v2 ON hfj_spidx_string (hash_identity, res_id, partition_id)',
  'CREATE INDEX idx_sp_string_hash_nrm_v2 ON hfj_spidx_string (hash_norm_prefix, sp_value_normalized, res_id, partition_id)',
  'CREATE INDEX idx_sp_string_resid_v2 ON hfj_spidx_string (res_id, hash_norm_prefix, partition_id)',
  'ALTER TABLE hfj_spidx_string ADD CONSTRAINT fk_spidxstr_resource FOREIGN KEY (res_id) REFERENCES hfj_resource (res_id)',
];

/** HAPI's sequences of the tables above, with the increment by which Hibernate reserves numbers; each counts on after the table's last key. */
export const SEQUENCES: readonly { name: string; table: TableName; key: string; increment: 1 | 50 }[] = [
  { name: 'seq_resource_type', table: 'hfj_resource_type', key: 'res_type_id', increment: 1 },
  { name: 'seq_tagdef_id', table: 'hfj_tag_def', key: 'tag_id', increment: 50 },
  { name: 'seq_spidx_identity', table: 'hfj_spidx_identity', key: 'sp_identity_id', increment: 1 },
  { name: 'seq_resource_id', table: 'hfj_resource', key: 'res_id', increment: 50 },
  { name: 'seq_resource_history_id', table: 'hfj_res_ver', key: 'pid', increment: 50 },
  { name: 'seq_restag_id', table: 'hfj_res_tag', key: 'pid', increment: 50 },
  { name: 'seq_reslink_id', table: 'hfj_res_link', key: 'pid', increment: 50 },
  { name: 'seq_spidx_token', table: 'hfj_spidx_token', key: 'sp_id', increment: 50 },
  { name: 'seq_spidx_date', table: 'hfj_spidx_date', key: 'sp_id', increment: 50 },
  { name: 'seq_spidx_string', table: 'hfj_spidx_string', key: 'sp_id', increment: 50 },
];
