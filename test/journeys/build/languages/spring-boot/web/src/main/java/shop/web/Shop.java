package shop.web;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import shop.catalog.Catalog;

@Controller
@SpringBootApplication(scanBasePackages = "shop")
public class Shop {
  private final Catalog catalog;

  public Shop(Catalog catalog) {
    this.catalog = catalog;
  }

  public static void main(String[] args) {
    SpringApplication.run(Shop.class, args);
  }

  @GetMapping("/")
  public String index(Model model) {
    model.addAttribute("items", String.join(" and ", catalog.items()));
    return "index";
  }
}
