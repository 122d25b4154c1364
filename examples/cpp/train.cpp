// Fits y = a·x + b to noisy points by gradient descent with momentum. It knows nothing of Kindling: it takes
// `--name=value` and prints a line for each epoch.
//
//     c++ -O2 -o train train.cpp && ./train --learning_rate=0.1 --momentum=0.5

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

static double option(int argc, char** argv, const std::string& name, double otherwise) {
    const std::string start = "--" + name + "=";
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument.rfind(start, 0) == 0) return std::atof(argument.c_str() + start.size());
    }
    return otherwise;
}

int main(int argc, char** argv) {
    const double rate = option(argc, argv, "learning_rate", 0.1);
    const double momentum = option(argc, argv, "momentum", 0.0);

    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    std::vector<double> x(1000), y(1000);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = normal(random);
        y[i] = 3.0 * x[i] - 2.0 + 0.1 * normal(random);
    }

    double a = 0, b = 0, speed_a = 0, speed_b = 0;
    for (int epoch = 0; epoch < 20; ++epoch) {
        double gradient_a = 0, gradient_b = 0, loss = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double error = a * x[i] + b - y[i];
            gradient_a += 2 * error * x[i] / x.size();
            gradient_b += 2 * error / x.size();
            loss += error * error / x.size();
        }
        std::printf("epoch=%d loss=%.6g\n", epoch, loss);
        std::fflush(stdout);  // a line that waits in a buffer cannot be pruned upon
        if (!std::isfinite(loss)) {
            std::fprintf(stderr, "the loss is %g: the learning rate is too high\n", loss);
            return 1;
        }
        speed_a = momentum * speed_a - rate * gradient_a;
        speed_b = momentum * speed_b - rate * gradient_b;
        a += speed_a;
        b += speed_b;
    }
}
