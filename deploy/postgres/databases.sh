#!/bin/sh
# Run once by the image of PostgreSQL, when its volume is empty: a database and an account each for us and for Prefect.
set -eu
for name in duixian prefect; do
    psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set=password="$(cat "/run/secrets/${name}_password")" <<SQL
CREATE ROLE $name LOGIN PASSWORD :'password';
CREATE DATABASE $name OWNER $name ENCODING 'UTF8' TEMPLATE template0;
SQL
done
