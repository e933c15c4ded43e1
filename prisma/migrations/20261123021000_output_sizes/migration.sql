-- What the outputs of each model were lately, in classes of size: requests with at most `tokens_max` output tokens and more than
-- the class below has. A sample, halved every day, from which holds learn; nothing is charged by it.

create table output_sizes (
  model text not null,
  tokens_max integer not null check (tokens_max >= 0),
  requests bigint not null check (requests > 0),
  primary key (model, tokens_max)
);

-- Up to when events were sampled. One row, which is the lock of whoever samples.

create table output_sampling (
  id smallint primary key check (id = 1),
  sampled_until timestamptz(3) not null
);
