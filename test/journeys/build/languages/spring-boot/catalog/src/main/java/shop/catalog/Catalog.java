package shop.catalog;

import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Repository;

@Repository
public class Catalog {
  private final JdbcTemplate jdbc;

  public Catalog(JdbcTemplate jdbc) {
    this.jdbc = jdbc;
    jdbc.execute("create table if not exists item (name varchar(50))");
    jdbc.update("insert into item values (?), (?)", "tea", "coffee");
  }

  public List<String> items() {
    return jdbc.queryForList("select distinct name from item order by name", String.class);
  }
}
